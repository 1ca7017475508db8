// plugins/web/page/route.ts: where the user is: `#/plugins/scheduler`. The address can be kept, shared and gone back from.
import { useSyncExternalStore } from 'react'

export const SECTIONS = [
  'chat',
  'overview',
  'plugins',
  'tasks',
  'events',
  'audit',
  'packages',
  'resources',
  'traces',
] as const
export type Section = (typeof SECTIONS)[number]

export interface Route {
  section: Section
  /** The session, or the plugin, task or trace that is open in the drawer. */
  item: string | undefined
  /** A part of the item, such as one run of a task. */
  part: string | undefined
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash))
}

export function hrefOf(section: Section, item?: string, part?: string): string {
  return `#/${[section, item, part].flatMap((each) => (each === undefined ? [] : encodeURIComponent(each))).join('/')}`
}

export function goTo(section: Section, item?: string, part?: string): void {
  location.hash = hrefOf(section, item, part)
}

export function parseRoute(hash: string): Route {
  const [section, item, part] = hash.replace(/^#?\/?/, '').split('/')
  const known = SECTIONS.find((name) => name === section)
  if (known === undefined) return { section: 'chat', item: undefined, part: undefined }
  return { section: known, item: item ? decode(item) : undefined, part: part ? decode(part) : undefined }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}
