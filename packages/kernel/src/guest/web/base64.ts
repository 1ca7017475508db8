// packages/kernel/src/guest/web/base64.ts: atob and btoa. @see https://infra.spec.whatwg.org/#forgiving-base64
import { requiring } from './define.ts'
import { DOMException } from './dom-exception.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PAD = '='.charCodeAt(0)
const CHUNK = 8_192 // codes that become a string at once

const letters = Array.from(ALPHABET, (letter) => letter.charCodeAt(0))
const values: number[] = Array.from({ length: 128 }, (_, code) => letters.indexOf(code)) // -1: not of the alphabet

/** Base64 of text whose characters stand for bytes. */
export const btoa = requiring(1, 'btoa', encode)
/** Text whose characters stand for the bytes of the Base64 in `text`; white space and missing padding are forgiven. */
export const atob = requiring(1, 'atob', decode)

function encode(text: string): string {
  const source = `${text}`
  const codes = new Uint8Array(Math.ceil(source.length / 3) * 4)
  let at = 0
  for (let i = 0; i < source.length; i += 3) {
    const [a, b, c] = [byteAt(source, i), byteAt(source, i + 1), byteAt(source, i + 2)]
    codes[at++] = letters[a >> 2]!
    codes[at++] = letters[((a & 3) << 4) | (b >> 4)]!
    codes[at++] = i + 1 < source.length ? letters[((b & 15) << 2) | (c >> 6)]! : PAD
    codes[at++] = i + 2 < source.length ? letters[c & 63]! : PAD
  }
  return textOf(codes)
}

function decode(text: string): string {
  const source = withoutPadding(`${text}`.replace(/[\t\n\f\r ]/g, ''))
  if (source.length % 4 === 1) throw badInput()
  const bytes = new Uint8Array(Math.floor((source.length * 3) / 4))
  let at = 0
  for (let i = 0; i < source.length; i += 4) {
    const bits =
      (valueAt(source, i) << 18) |
      (valueAt(source, i + 1) << 12) |
      (valueAt(source, i + 2) << 6) |
      valueAt(source, i + 3)
    bytes[at++] = bits >> 16
    bytes[at++] = bits >> 8 // a write past the end does nothing
    bytes[at++] = bits
  }
  return textOf(bytes)
}

function byteAt(text: string, index: number): number {
  const code = index < text.length ? text.charCodeAt(index) : 0
  if (code > 255) throw new DOMException('Invalid character', 'InvalidCharacterError')
  return code
}

function valueAt(text: string, index: number): number {
  const value = index < text.length ? (values[text.charCodeAt(index)] ?? -1) : 0
  if (value < 0) throw badInput()
  return value
}

function withoutPadding(text: string): string {
  return text.length % 4 === 0 ? text.replace(/={1,2}$/, '') : text
}

function textOf(codes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < codes.length; i += CHUNK)
    text += String.fromCharCode.apply(null, codes.subarray(i, i + CHUNK) as unknown as number[])
  return text
}

function badInput(): DOMException {
  return new DOMException('The string to be decoded is not correctly encoded.', 'InvalidCharacterError')
}
