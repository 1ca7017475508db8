// plugins/telegram/src/text/split.ts: long Markdown in parts that fit one message (L5). Pure.
//   X1  The bodies of all parts, joined, are the text.
//   X2  No part is longer than `max` UTF-16 units, and none ends in half a character.
//   X3  A break is looked for at a paragraph, a line, a sentence, a space, and at last anywhere; outside code fences.
//   X4  A fence that must be broken is closed at the end of one part and opened again, as it was, at the start of the next.

export interface Part {
  /** Opens a fence again, or empty. */
  head: string
  /** Its piece of the text. */
  body: string
  /** Closes a fence, or empty. */
  tail: string
}

interface Fence {
  /** The line that opens it, without its end. */
  line: string
  /** What closes it. */
  mark: string
  /** Where it begins in the text scanned, and where the line that closes it ends. */
  from: number
  to: number
}

const MIN_MAX = 64 // a fence line, its end and a few words
const LONGEST_FENCE_LINE = 32 // longer info strings are not opened again in full
const FENCE = /^[ \t]*(`{3,16}(?!`)|~{3,16}(?!~))(.*)$/
const BREAKS = [/\n{2,}/g, /\n/g, /[.!?…]["'”’)\]]*\s+/g, /\s+/g] // X3

export const textOf = ({ head, body, tail }: Part): string => head + body + tail

/** @param max UTF-16 units of one part, at least 64. */
export function split(text: string, max: number): Part[] {
  if (max < MIN_MAX) throw new RangeError(`parts of ${max} characters are too short, at least ${MIN_MAX} are needed`)
  const parts: Part[] = []
  let rest = text
  let open: Fence | undefined
  while (rest !== '') {
    const head = open === undefined ? '' : `${reopening(open)}\n`
    const room = max - head.length
    const body = rest.length <= room ? rest : rest.slice(0, cutIn(rest, room, open))
    const last = body.length === rest.length
    open = fencesIn(body, open).find(({ to }) => to === Number.POSITIVE_INFINITY)
    parts.push({ head, body, tail: last ? '' : closing(open, body) })
    rest = rest.slice(body.length)
  }
  return parts
}

/** Where to end the first part of `rest`, which does not fit into `room`. */
function cutIn(rest: string, room: number, open: Fence | undefined): number {
  const ahead = fencesIn(rest.slice(0, 2 * room), open)
  const reserve = Math.max(0, ...ahead.map(({ mark }) => mark.length + 1)) // for what closes a fence
  const window = rest.slice(0, room - reserve)
  const over = ahead.find(({ from, to }) => from < window.length && to > window.length)
  if (over === undefined) return plainBreak(window, ahead) ?? hardBreak(window)
  const goesWhole = over.to - over.from <= room - reserve
  if (over.from > 0 && (goesWhole || over.from >= window.length / 2)) return over.from // X3: it begins the next part
  return lineBreak(window, over) ?? hardBreak(window)
}

/** The last break of the best kind, not in the window's first quarter. */
function plainBreak(window: string, fences: readonly Fence[]): number | undefined {
  const isOutside = (at: number) => fences.every(({ from, to }) => at <= from || at >= to)
  for (const pattern of BREAKS) {
    const ends = [...window.matchAll(pattern)].map((match) => match.index + match[0].length)
    const at = ends.findLast((end) => end >= window.length / 4 && isOutside(end))
    if (at !== undefined) return at
  }
  return undefined
}

/** Inside a fence: after the last line that is whole, and not the opening line alone. */
function lineBreak(window: string, { from, line }: Fence): number | undefined {
  const at = window.lastIndexOf('\n') + 1
  return at > Math.max(0, from + line.length + 1) ? at : undefined
}

/** X2 */
function hardBreak(window: string): number {
  const code = window.charCodeAt(window.length - 1)
  return code >= 0xd800 && code <= 0xdbff && window.length > 1 ? window.length - 1 : window.length
}

/** All fences; one that is not closed ends nowhere. `open` began in an earlier part. */
function fencesIn(text: string, open: Fence | undefined): Fence[] {
  const found: Fence[] = []
  let fence = open && { ...open, from: -open.line.length - 1 }
  let at = 0
  for (const line of text.split('\n')) {
    const [, mark = '', info = ''] = FENCE.exec(line) ?? []
    if (fence !== undefined && closes(mark, info, fence)) {
      found.push({ ...fence, to: at + line.length })
      fence = undefined
    } else if (fence === undefined && mark !== '' && (mark[0] === '~' || !info.includes('`')))
      fence = { line, mark, from: at, to: Number.POSITIVE_INFINITY }
    at += line.length + 1
  }
  return fence === undefined ? found : [...found, fence]
}

function closes(mark: string, info: string, fence: Fence): boolean {
  return mark !== '' && mark[0] === fence.mark[0] && mark.length >= fence.mark.length && info.trim() === ''
}

function reopening({ line, mark }: Fence): string {
  return line.length <= LONGEST_FENCE_LINE ? line : mark
}

function closing(fence: Fence | undefined, body: string): string {
  if (fence === undefined) return ''
  return `${body.endsWith('\n') ? '' : '\n'}${fence.mark}`
}
