// packages/kernel/src/guest/web/decoders.ts: from bytes to text, piece by piece.
//   D1  A decoder fed in pieces says the same as one fed at once.
//   D2  What is malformed becomes U+FFFD, one for each maximal part of a sequence; a fatal sink throws TypeError instead.
// @see https://encoding.spec.whatwg.org
const FLUSH_UNITS = 4_096 // code units collected before they become a string
export const REPLACEMENT = 0xfffd

/** Takes bytes, gives text. `last` says that nothing follows. */
export type Decode = (bytes: Uint8Array, last: boolean) => string
/** Collects code points. */
export interface Sink {
  put(codePoint: number): void
  malformed(): void
  take(): string
}

// The standard's UTF-8 state machine; `lower` and `upper` bound the next byte, which rules out overlong forms and surrogates.
function utf8Decoder(sink: Sink): Decode {
  let codePoint = 0
  let needed = 0
  let lower = 0x80
  let upper = 0xbf
  return (bytes, last) => {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!
      if (needed === 0) {
        if (byte < 0x80) sink.put(byte)
        else if (!lead(byte)) sink.malformed()
      } else if (byte < lower || byte > upper) {
        needed = 0
        lower = 0x80
        upper = 0xbf
        i-- // the byte that broke the sequence starts anew
        sink.malformed()
      } else {
        lower = 0x80
        upper = 0xbf
        codePoint = (codePoint << 6) | (byte & 0x3f)
        if (--needed === 0) sink.put(codePoint)
      }
    }
    if (last && needed > 0) {
      needed = 0
      sink.malformed()
    }
    return sink.take()
  }

  function lead(byte: number): boolean {
    needed = byte >= 0xc2 && byte <= 0xdf ? 1 : byte >= 0xe0 && byte <= 0xef ? 2 : byte >= 0xf0 && byte <= 0xf4 ? 3 : 0
    codePoint = byte & (0x3f >> needed)
    if (byte === 0xe0) lower = 0xa0
    if (byte === 0xed) upper = 0x9f
    if (byte === 0xf0) lower = 0x90
    if (byte === 0xf4) upper = 0x8f
    return needed > 0
  }
}

function utf16Decoder(sink: Sink, bigEndian: boolean): Decode {
  let half = -1
  let high = -1
  return (bytes, last) => {
    for (const byte of bytes) {
      if (half < 0) half = byte
      else {
        unit(bigEndian ? (half << 8) | byte : (byte << 8) | half)
        half = -1
      }
    }
    if (last && (half >= 0 || high >= 0)) {
      half = high = -1
      sink.malformed()
    }
    return sink.take()
  }

  function unit(code: number): void {
    const isLow = code >= 0xdc00 && code <= 0xdfff
    const before = high
    high = -1
    const isPair = before >= 0 && isLow
    if (before >= 0 && !isLow) sink.malformed()
    if (isPair) sink.put(0x10000 + ((before - 0xd800) << 10) + (code - 0xdc00))
    else if (isLow) sink.malformed()
    else if (code >= 0xd800 && code <= 0xdbff) high = code
    else sink.put(code)
  }
}

// What windows-1252 has at 0x80 to 0x9f; all else is as in Unicode.
const WINDOWS_1252 = [
  0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f,
  0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
]

function windows1252Decoder(sink: Sink): Decode {
  return (bytes) => {
    for (const byte of bytes) sink.put(WINDOWS_1252[byte - 0x80] ?? byte)
    return sink.take()
  }
}

/** By the encoding's name. */
export const decoders: Record<string, (sink: Sink) => Decode> = {
  'utf-8': utf8Decoder,
  'utf-16le': (sink) => utf16Decoder(sink, false),
  'utf-16be': (sink) => utf16Decoder(sink, true),
  'windows-1252': windows1252Decoder,
}

/** From what authors call an encoding to its name. */
export const labels = new Map(
  Object.entries({
    'utf-8': 'unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8',
    'utf-16le': 'csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le',
    'utf-16be': 'unicodefffe utf-16be',
    'windows-1252':
      'ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252',
  }).flatMap(([encoding, names]) => names.split(' ').map((name) => [name, encoding] as const)),
)

// Shared by all sinks: each empties it before it returns.
let shared: Uint16Array | undefined

export function createSink(fatal: boolean): Sink {
  shared ??= new Uint16Array(FLUSH_UNITS)
  const units = shared
  let used = 0
  let text = ''
  return { put, malformed, take }

  function put(codePoint: number): void {
    if (used > FLUSH_UNITS - 2) flush()
    if (codePoint < 0x10000) units[used++] = codePoint
    else {
      units[used++] = 0xd800 + ((codePoint - 0x10000) >> 10)
      units[used++] = 0xdc00 + ((codePoint - 0x10000) & 0x3ff)
    }
  }

  function malformed(): void {
    if (fatal)
      throw Object.assign(new TypeError('The encoded data was not valid'), {
        code: 'ERR_ENCODING_INVALID_ENCODED_DATA',
      })
    put(REPLACEMENT)
  }

  function flush(): void {
    text += String.fromCharCode.apply(null, units.subarray(0, used) as unknown as number[])
    used = 0
  }

  function take(): string {
    flush()
    const taken = text
    text = ''
    return taken
  }
}
