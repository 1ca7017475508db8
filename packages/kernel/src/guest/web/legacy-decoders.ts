// packages/kernel/src/guest/web/legacy-decoders.ts: encodings of old, by the host's tables: pages and mails in them are still about.
//   L1  Fed in pieces, a decoder says the same as fed at once, and says it as soon as it can.
//   L2  An encoding with a byte to a character is one table, asked for once; of others only what is not settled yet is asked for again.
// @see https://encoding.spec.whatwg.org/#legacy-single-byte-encodings
import type { Decode, Sink } from './decoders.ts'
import { webHost } from './host.ts'
import { joinBytes } from './streams.ts'

const MULTI_BYTE = new Set(['big5', 'euc-jp', 'euc-kr', 'gb18030', 'gbk', 'iso-2022-jp', 'shift_jis'])
const STATEFUL = 'iso-2022-jp'
const LINE_END = 10
const LOWEST_TRAIL = 0x30 // no later byte of a character is below it
const ESCAPE = 0x1b
const TO_ASCII = [0x28, 0x42] // after the escape
const REPLACEMENT = '\ufffd'
const SLICE_BYTES = 16_384 // asked for at once: the host takes a little more, for what was pending

const tables = new Map<string, string>()

export function legacyDecoder(encoding: string): (sink: Sink) => Decode {
  return MULTI_BYTE.has(encoding) ? (sink) => multiByte(encoding, sink) : (sink) => singleByte(encoding, sink)
}

function singleByte(encoding: string, sink: Sink): Decode {
  const table =
    tables.get(encoding) ??
    ask(
      encoding,
      Uint8Array.from({ length: 256 }, (_, byte) => byte),
    )
  tables.set(encoding, table)
  return (bytes) => {
    for (const byte of bytes) put(sink, table[byte]!)
    return sink.take()
  }
}

function multiByte(encoding: string, sink: Sink): Decode {
  let pending = new Uint8Array()
  let told = 0 // characters of `pending` that were given already
  return (bytes, last) => {
    for (let at = 0; at === 0 || at < bytes.length; at += SLICE_BYTES)
      take(bytes.subarray(at, at + SLICE_BYTES), last && at + SLICE_BYTES >= bytes.length)
    return sink.take()
  }

  function take(bytes: Uint8Array, last: boolean): void {
    pending = joinBytes([pending, bytes])
    const text = ask(encoding, pending, last)
    for (const character of text.slice(told)) put(sink, character)
    told = text.length
    const settled = encoding === STATEFUL ? endOfAsciiLine(pending) : endOfCharacter(pending)
    if (settled > 0) {
      pending = pending.slice(settled)
      told = ask(encoding, pending).length
    }
  }
}

/** How many bytes end with a character that is complete whatever follows; 0 if none does for sure. */
function endOfCharacter(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte < LOWEST_TRAIL) + 1
}

/** The same where escapes change what bytes mean: after a line that ends as every decoder begins. */
function endOfAsciiLine(bytes: Uint8Array): number {
  const end = bytes.lastIndexOf(LINE_END) + 1
  const last = end === 0 ? -1 : bytes.lastIndexOf(ESCAPE, end - 1)
  return last < 0 || TO_ASCII.every((byte, i) => bytes[last + 1 + i] === byte) ? end : 0
}

function put(sink: Sink, character: string): void {
  if (character === REPLACEMENT) sink.malformed()
  else sink.put(character.codePointAt(0)!)
}

function ask(encoding: string, bytes: Uint8Array, last = false): string {
  const text = webHost().decodeText(encoding, bytes, last)
  if (text === undefined) throw new TypeError(`these bytes are too many to be read as ${encoding} at once`)
  return text
}
