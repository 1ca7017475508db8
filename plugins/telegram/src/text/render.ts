// plugins/telegram/src/text/render.ts: Markdown as Telegram shows it: HTML of the few tags it knows, and the same as plain text. Pure.
//   H1  Every tag that opens closes, in order; nothing but our own tags is markup, whatever the text holds.
//   H2  Code holds no other tag, and no tag stands within itself.
//   H3  A link leads to http, https, tg or mailto; any other is text.
//   H4  Whatever the input, an answer: what nests too deep is shown as it was written.
// @see https://core.telegram.org/bots/api#html-style
import { type MarkedToken, marked, type Token, type Tokens } from 'marked'

export interface Rendered {
  html: string
  /** What a reader sees of it, without markup: what Telegram counts, and what is sent where it refuses the HTML. */
  text: string
}

const MAX_DEPTH = 16
const MAX_NESTED = 64 // marks of quotes and lists at the start of one line; more would make the parser recurse too deep
const LINK = /^(https?|tg|mailto):/i

type Tag = 'b' | 'i' | 's' | 'code' | 'pre' | 'blockquote' | 'a'

/** @param markdown At most a few thousand characters: one part of a message. */
export function render(markdown: string): Rendered {
  if (isTooDeep(markdown)) return plain(markdown)
  try {
    return trimmed(blocks(marked.lexer(markdown, { gfm: true, breaks: true }), []))
  } catch {
    return plain(markdown) // H4
  }
}

export function plain(text: string): Rendered {
  return { html: escapeHtml(text), text }
}

export function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}

function isTooDeep(markdown: string): boolean {
  return markdown.split('\n').some((line) => {
    const marks = /^[\s>*+\-\d.)]*/.exec(line)?.[0].replace(/\s/g, '').length ?? 0
    return marks > MAX_NESTED && !/^\s*([-*_])(\s*\1)+\s*$/.test(line)
  })
}

const NOTHING: Rendered = { html: '', text: '' }

/** Blocks one under the other. */
function blocks(tokens: readonly Token[], within: readonly Tag[]): Rendered {
  const shown = tokens.map((token) => block(token, within)).filter(({ text }) => text.trim() !== '')
  return join(shown, '\n\n')
}

function block(token: Token, within: readonly Tag[]): Rendered {
  if (within.length > MAX_DEPTH) return plain(token.raw) // H4
  const known = token as MarkedToken
  switch (known.type) {
    case 'space':
    case 'def':
      return NOTHING
    case 'heading':
      return wrap('b', within, (inside) => inline(known.tokens, inside))
    case 'code':
      return code(known, within)
    case 'blockquote':
      return wrap('blockquote', within, (inside) => trimmed(blocks(known.tokens, inside)))
    case 'list':
      return list(known, within)
    case 'table':
      return within.includes('pre') ? plain(token.raw) : pre(tableText(known))
    case 'hr':
      return plain('———')
    default:
      return inlineToken(token, within)
  }
}

function code({ text: given, lang }: Tokens.Code, within: readonly Tag[]): Rendered {
  const text = given.trimEnd()
  if (text === '') return NOTHING
  return within.includes('pre') ? plain(text) : pre(text, /^[\w+#.-]{1,32}/.exec(lang ?? '')?.[0])
}

function pre(text: string, language?: string): Rendered {
  const body = language ? `<code class="language-${escapeHtml(language)}">${escapeHtml(text)}</code>` : escapeHtml(text)
  return { html: `<pre>${body}</pre>`, text }
}

function list({ items, ordered, start }: Tokens.List, within: readonly Tag[]): Rendered {
  const lines = items.map((item, i) => {
    const mark = item.task ? (item.checked ? '☑ ' : '☐ ') : ordered ? `${Number(start || 1) + i}. ` : '• '
    const parts = item.tokens.filter(({ type }) => type !== 'checkbox' && type !== 'space')
    const inner = join(
      parts.map((token) => block(token, within)),
      '\n',
    )
    return join([plain(mark), indented(inner)], '')
  })
  return join(lines, '\n')
}

/** Lines after the first move in, but those of code, where each space counts. */
function indented({ html, text }: Rendered): Rendered {
  if (html.includes('<pre>')) return { html, text }
  return { html: html.replaceAll('\n', '\n   '), text: text.replaceAll('\n', '\n   ') }
}

function tableText({ header, rows }: Tokens.Table): string {
  const all = [header, ...rows].map((row) => row.map(({ text }) => text))
  const widths = header.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join(' | ')
      .trimEnd()
  const [first = [], ...others] = all
  return [line(first), widths.map((width) => '-'.repeat(width)).join('-+-'), ...others.map(line)].join('\n')
}

function inline(tokens: readonly Token[] | undefined, within: readonly Tag[]): Rendered {
  return join(
    (tokens ?? []).map((token) => inlineToken(token, within)),
    '',
  )
}

function inlineToken(token: Token, within: readonly Tag[]): Rendered {
  if (within.length > MAX_DEPTH) return plain(token.raw) // H4
  const known = token as MarkedToken
  switch (known.type) {
    case 'strong':
      return wrap('b', within, (inside) => inline(known.tokens, inside))
    case 'em':
      return wrap('i', within, (inside) => inline(known.tokens, inside))
    case 'del':
      return wrap('s', within, (inside) => inline(known.tokens, inside))
    case 'codespan':
      if (known.text.trim() === '') return plain(known.raw)
      return { html: `<code>${escapeHtml(known.text)}</code>`, text: known.text }
    case 'link':
      return link(known.href, inline(known.tokens, [...within, 'a']), within)
    case 'image':
      return link(known.href, plain(known.text || 'image'), within)
    case 'br':
      return plain('\n')
    case 'escape':
      return plain(known.text)
    case 'html':
      return plain(known.raw)
    case 'paragraph':
      return inline(known.tokens, within)
    case 'text':
      return 'tokens' in known && known.tokens ? inline(known.tokens, within) : plain(decoded(known.text))
    default:
      return plain(token.raw)
  }
}

/** H3 */
function link(href: string, shown: Rendered, within: readonly Tag[]): Rendered {
  if (shown.text.trim() === '') return plain(href)
  if (within.includes('a')) return shown
  if (LINK.test(href)) return { html: `<a href="${escapeHtml(href)}">${shown.html}</a>`, text: shown.text }
  return shown.text === href ? shown : join([shown, plain(` (${href})`)], '')
}

/** H1, H2 */
function wrap(tag: Tag, within: readonly Tag[], make: (inside: readonly Tag[]) => Rendered): Rendered {
  const inner = make([...within, tag])
  if (within.includes(tag) || inner.text.trim() === '') return inner
  return { html: `<${tag}>${inner.html}</${tag}>`, text: inner.text }
}

function join(parts: readonly Rendered[], between: string): Rendered {
  return { html: parts.map(({ html }) => html).join(between), text: parts.map(({ text }) => text).join(between) }
}

/** Telegram cuts white space at both ends; so that the lengths agree, so do we. */
function trimmed({ html, text }: Rendered): Rendered {
  return { html: html.trim(), text: text.trim() }
}

const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: '\u00a0', apos: "'" }

/** The entities people write in Markdown; others stand as they are. */
function decoded(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|nbsp|apos);/g, (_, name: string) => NAMED[name] as string)
}
