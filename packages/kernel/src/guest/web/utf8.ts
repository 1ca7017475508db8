// packages/kernel/src/guest/web/utf8.ts: text to UTF-8 and back, in one go.
import { createSink, decoders, REPLACEMENT } from './decoders.ts'

export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(utf8Length(text))
  writeUtf8(text, bytes)
  return bytes
}

/** The text of `bytes`, without a byte order mark. */
export function decodeUtf8(bytes: Uint8Array): string {
  const text = decoders['utf-8']!(createSink(false))(bytes, true)
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

function utf8Length(text: string): number {
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    const pair = isPair(text, i, unit)
    length += unit < 0x80 ? 1 : unit < 0x800 ? 2 : pair ? 4 : 3
    if (pair) i++
  }
  return length
}

/** Writes as many whole characters as fit. */
export function writeUtf8(text: string, into: Uint8Array): { read: number; written: number } {
  let read = 0
  let written = 0
  while (read < text.length) {
    const unit = text.charCodeAt(read)
    if (unit < 0x80) {
      if (written >= into.length) break
      into[written++] = unit
      read++
      continue
    }
    const pair = isPair(text, read, unit)
    const codePoint = pair ? text.codePointAt(read)! : unit >= 0xd800 && unit <= 0xdfff ? REPLACEMENT : unit
    const more = codePoint < 0x800 ? 1 : codePoint < 0x10000 ? 2 : 3 // continuation bytes
    if (written + more >= into.length) break
    into[written++] = (codePoint >> (6 * more)) | ((0xff00 >> (more + 1)) & 0xff) // 110…, 1110… or 11110…
    for (let left = more - 1; left >= 0; left--) into[written++] = ((codePoint >> (6 * left)) & 0x3f) | 0x80
    read += pair ? 2 : 1
  }
  return { read, written }
}

function isPair(text: string, at: number, unit: number): boolean {
  const next = unit >= 0xd800 && unit <= 0xdbff ? text.charCodeAt(at + 1) : 0
  return next >= 0xdc00 && next <= 0xdfff
}
