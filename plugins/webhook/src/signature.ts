// plugins/webhook/src/signature.ts: the signature of Standard Webhooks, by the runtime's own HMAC. Tests hold it against the reference library.
//   G1  What is compared is compared by the runtime, in a time that tells nothing of the right signature.
//   G2  A message is as old as the time that was signed with it; 5 min off, before or after, is too much.
// @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
const PREFIX = 'whsec_'
const VERSION = 'v1,'
const TOLERANCE_S = 300
const MAX_SIGNATURES = 8 // of one message: enough for any change of keys
const HMAC = { name: 'HMAC', hash: 'SHA-256' }

export interface Signed {
  id: string
  /** Seconds since 1970, as it stands in the header. */
  timestamp: string
  /** As it is on the wire. */
  body: Uint8Array<ArrayBuffer>
}

/** Parts of a signature, ready to be used; made once for each secret. */
export type Key = Promise<CryptoKey>

/** @param secret `whsec_` and at least 24 bytes as base64. @throws if it is not base64 */
export async function keyOf(secret: string): Key {
  return crypto.subtle.importKey('raw', bytesOf(secret.slice(PREFIX.length)), HMAC, false, ['sign', 'verify'])
}

/** @returns What goes into the header `webhook-signature`. */
export async function sign(key: Key, message: Signed): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.sign('HMAC', await key, contentOf(message)))
  return VERSION + btoa(String.fromCharCode(...bytes))
}

/** Whether one of the keys made one of the signatures of the header. */
export async function isGenuine(
  keys: readonly Key[],
  message: Signed,
  header: string,
  nowMs: number,
): Promise<boolean> {
  const { id, timestamp } = message
  if (id === '' || !/^\d{1,12}$/.test(timestamp)) return false
  if (Math.abs(Math.floor(nowMs / 1_000) - Number(timestamp)) > TOLERANCE_S) return false // G2
  const content = contentOf(message)
  for (const signature of signaturesIn(header))
    for (const key of keys) if (await crypto.subtle.verify('HMAC', await key, signature, content)) return true // G1
  return false
}

function signaturesIn(header: string): Uint8Array<ArrayBuffer>[] {
  const all = header.split(' ').filter((one) => one.startsWith(VERSION))
  return all.slice(0, MAX_SIGNATURES).flatMap((one) => {
    try {
      return [bytesOf(one.slice(VERSION.length))]
    } catch {
      return [] // not base64
    }
  })
}

function contentOf({ id, timestamp, body }: Signed): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`)
  const content = new Uint8Array(head.length + body.length)
  content.set(head)
  content.set(body, head.length)
  return content
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
}
