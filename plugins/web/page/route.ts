// plugins/web/page/route.ts: where the user is: `#/plugins/scheduler`. The address can be kept, shared and gone back from.
import { useSyncExternalStore } from 'react'

import { parseRoute, type Route, type Section } from './address.ts'

export { parseRoute, type Route, SECTIONS, type Section } from './address.ts'

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash))
}

export function hrefOf(section: Section, item?: string, part?: string): string {
  return `#/${[section, item, part].flatMap((each) => (each === undefined ? [] : encodeURIComponent(each))).join('/')}`
}

export function goTo(section: Section, item?: string, part?: string): void {
  location.hash = hrefOf(section, item, part)
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}
