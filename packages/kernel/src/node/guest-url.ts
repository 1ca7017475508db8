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
const MAX_LENGTH = 131_072 // characters: reading cannot be interrupted, and takes up to 40 ns for each

/** JSON of the parts of `href` against `base`, or undefined if it is no URL. */
export function parseUrl(href: unknown, base: unknown): string | undefined {
  if (!isShort(href) || (base !== undefined && !isShort(base))) return undefined
  const url = URL.parse(href, base)
  return url === null ? undefined : partsOf(url)
}

/** JSON of the parts of `href` after `part` was set to `value` as the URL standard's setter would; undefined if that is refused. */
export function setUrl(href: unknown, part: unknown, value: unknown): string | undefined {
  if (!isShort(href) || !isShort(value) || typeof part !== 'string' || !SETTABLE.has(part)) return undefined
  const url = URL.parse(href)
  if (url === null) return undefined
  try {
    Object.assign(url, { [part]: value })
  } catch {
    return undefined
  }
  return partsOf(url)
}

function isShort(text: unknown): text is string {
  return typeof text === 'string' && text.length <= MAX_LENGTH
}

function partsOf(url: URL): string {
  return JSON.stringify(Object.fromEntries(PARTS.map((part) => [part, url[part]])))
}
