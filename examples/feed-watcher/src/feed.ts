// src/feed.ts: the text of an RSS 2.0 or Atom feed, as entries. What it holds is a stranger's: every field is looked at.
import { XMLParser } from 'fast-xml-parser'

export interface Entry {
  id: string
  title: string
  link: string
}

const maxEntries = 200
const maxText = 500

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '#',
  parseTagValue: false,
  isArray: (name) => name === 'item' || name === 'entry' || name === 'link',
})

/** @throws Error if the text is neither RSS 2.0 nor Atom. */
export function parseFeed(text: string): Entry[] {
  const document = field(parser.parse(text))
  const rss = field(field(document.rss).channel)
  const atom = field(document.feed)
  if (document.rss === undefined && document.feed === undefined) throw new Error('This is no RSS or Atom feed')
  const items = [...list(rss.item), ...list(atom.entry)].slice(0, maxEntries)
  return items.map(readEntry).filter(({ id }) => id !== '')
}

function readEntry(item: unknown): Entry {
  const { title, guid, id, link } = field(item)
  const address = linkOf(list(link))
  return { id: textOf(guid ?? id) || address, title: textOf(title) || '(no title)', link: address }
}

/** RSS writes the address as text, Atom as an attribute, once for each relation. */
function linkOf(links: unknown[]): string {
  const page = links.find((link) => (field(link)['@rel'] ?? 'alternate') === 'alternate')
  const address = textOf(field(page)['@href'] ?? page)
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol) ? address : ''
}

function textOf(value: unknown): string {
  const text = typeof value === 'object' ? field(value)['#'] : value
  return typeof text === 'string' ? text.trim().slice(0, maxText) : ''
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value])
const field = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
