// plugins/web/page/address.ts: reads the address, with nothing else to load: what begins the page needs it first.

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
