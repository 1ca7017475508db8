// packages/kernel/src/node/guest-url.ts: Node's URL parser, lent to guests: strings in, strings out.
const PARTS = [
  'href',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
  'origin',
] as const
const SETTABLE = new Set<string>(PARTS.filter((part) => part !== 'origin'))
const MAX_LENGTH = 2_097_152 // characters

/** JSON of the parts of `href` against `base`, or undefined if it is no URL. */
export function parseUrl(href: unknown, base: unknown): string | undefined {
  if (typeof href !== 'string' || href.length > MAX_LENGTH) return undefined
  const url = URL.parse(href, typeof base === 'string' ? base : undefined)
  return url === null ? undefined : partsOf(url)
}

/** JSON of the parts of `href` after `part` was set to `value` as the URL standard's setter would; undefined if that is refused. */
export function setUrl(href: unknown, part: unknown, value: unknown): string | undefined {
  const url = typeof href === 'string' ? URL.parse(href) : null
  if (url === null || !SETTABLE.has(String(part))) return undefined
  try {
    Object.assign(url, { [String(part)]: String(value) })
  } catch {
    return undefined
  }
  return partsOf(url)
}

function partsOf(url: URL): string {
  return JSON.stringify(Object.fromEntries(PARTS.map((part) => [part, url[part]])))
}
