// packages/kernel/src/node/batch.ts: text of a guest, untrusted, read as a batch of messages.
const SURELY_FAST = 16_384 // characters of a batch that cannot nest deep enough to matter
const MAX_NESTING = 256
const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [34, 92, 91, 93, 123, 125]

/** Its messages, unread; undefined if it is no batch. */
export function parseBatch(text: string): unknown[] | undefined {
  if (text.length > SURELY_FAST && isTooDeep(text)) return undefined
  try {
    const batch: unknown = JSON.parse(text)
    return Array.isArray(batch) ? batch : undefined
  } catch {
    return undefined
  }
}

/** The codec nests no deeper; what does was forged, and takes V8 a hundred times as long to read as what does not. */
function isTooDeep(text: string): boolean {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const sign = text.charCodeAt(i)
    if (sign === QUOTE) i = endOfString(text, i)
    else if (sign === OPEN_LIST || sign === OPEN_OBJECT) {
      if (++depth > MAX_NESTING) return true
    } else if (sign === CLOSE_LIST || sign === CLOSE_OBJECT) depth--
  }
  return false
}

function endOfString(text: string, start: number): number {
  let end = start
  for (;;) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
    let escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++
    if (escapes % 2 === 0) return end
  }
}
