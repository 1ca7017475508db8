// packages/kernel/src/guest/web/data-url.ts: what a `data:` URL holds. @see https://fetch.spec.whatwg.org/#data-url-processor
import { atob } from './base64.ts'
import { TextDecoder } from './encoding.ts'
import { unescapeBytes } from './search-params.ts'
import { encodeUtf8 } from './utf8.ts'

const DEFAULT_TYPE = 'text/plain;charset=US-ASCII'
const TYPE = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+\/[!#$%&'*+\-.^_`|~\dA-Za-z]+(?:;|$)/

/** @throws TypeError if it holds nothing that can be read. */
export function readDataUrl(url: string): { type: string; bytes: Uint8Array } {
  const text = url.split('#')[0]!.slice('data:'.length)
  const comma = text.indexOf(',')
  if (comma < 0) throw new TypeError('the data URL has no comma')
  const head = text.slice(0, comma).trim()
  const bytes = unescapeBytes(encodeUtf8(text.slice(comma + 1)))
  const plain = head.replace(/; *base64$/i, '')
  return { type: typeOf(plain), bytes: plain === head ? bytes : decodeBase64(bytes) }
}

function typeOf(head: string): string {
  const type = head.startsWith(';') ? `text/plain${head}` : head
  return TYPE.test(type) ? type : DEFAULT_TYPE
}

function decodeBase64(bytes: Uint8Array): Uint8Array {
  try {
    return Uint8Array.from(atob(new TextDecoder('latin1').decode(bytes)), (character) => character.charCodeAt(0))
  } catch (cause) {
    throw new TypeError('the data URL is not Base64', { cause })
  }
}
