// packages/kernel/src/guest/web/base64.ts: atob and btoa. @see https://infra.spec.whatwg.org/#forgiving-base64
import { DOMException } from './dom-exception.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUES = new Map([...ALPHABET].map((letter, value) => [letter, value]))

/** Base64 of text whose characters stand for bytes. */
export function btoa(text: string): string {
  const bytes = String(text)
  const out: string[] = []
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes.charCodeAt(i), bytes.charCodeAt(i + 1), bytes.charCodeAt(i + 2)]
    if (a > 255 || b > 255 || c > 255) throw new DOMException('Invalid character', 'InvalidCharacterError')
    const bits = (a << 16) | (b << 8) | c // NaN past the end counts as 0
    const quad = [bits >> 18, (bits >> 12) & 63, (bits >> 6) & 63, bits & 63].map((value) => ALPHABET[value])
    out.push(
      quad
        .slice(0, Math.min(bytes.length - i, 3) + 1)
        .join('')
        .padEnd(4, '='),
    )
  }
  return out.join('')
}

/** Text whose characters stand for the bytes of the Base64 in `text`; white space and missing padding are forgiven. */
export function atob(text: string): string {
  let data = String(text).replace(/[\t\n\f\r ]/g, '')
  if (data.length % 4 === 0) data = data.replace(/={1,2}$/, '')
  if (data.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(data))
    throw new DOMException('The string to be decoded is not correctly encoded.', 'InvalidCharacterError')
  const out: string[] = []
  for (let i = 0; i < data.length; i += 4) {
    const quad = data.slice(i, i + 4)
    const bits = [0, 1, 2, 3].reduce((sum, k) => (sum << 6) | (VALUES.get(quad[k] ?? 'A') ?? 0), 0)
    out.push(String.fromCharCode(bits >> 16, (bits >> 8) & 255, bits & 255).slice(0, quad.length - 1))
  }
  return out.join('')
}
