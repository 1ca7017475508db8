// packages/kernel/src/node/guest-text.ts: Node's tables of old encodings, lent to guests: bytes in, text out, nothing kept.
const MAX_BYTES = 65_536 // at once: it cannot be interrupted, and the worst table takes 40 ns for a byte

/** The encoding's name, or undefined if there is none of this label. */
export function encodingName(label: unknown): string | undefined {
  try {
    return new TextDecoder(String(label)).encoding
  } catch {
    return undefined
  }
}

/** The text of `bytes`; without `last` a sequence that is not finished is left out. Undefined past the limit or for an unknown encoding. */
export function decodeText(encoding: unknown, bytes: unknown, last: unknown): string | undefined {
  if (!(bytes instanceof Uint8Array) || bytes.byteLength > MAX_BYTES) return undefined
  try {
    return new TextDecoder(String(encoding), { ignoreBOM: true }).decode(bytes, { stream: last !== true })
  } catch {
    return undefined
  }
}
