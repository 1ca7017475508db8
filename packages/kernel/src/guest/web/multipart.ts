// packages/kernel/src/guest/web/multipart.ts: multipart/form-data, written and read.
// @see RFC 7578; https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
import { blobBytes, File } from './blob.ts'
import { FormData } from './form-data.ts'
import { webHost } from './host.ts'
import { joinBytes } from './streams.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'

const CR = 13
const LF = 10
const DASHES = 0x2d2d

/** The body of a form, and the boundary between its parts. */
export function encodeMultipart(form: FormData): { bytes: Uint8Array<ArrayBuffer>; boundary: string } {
  const boundary = `----PryxFormBoundary${[...webHost().random(12)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
  const chunks: Uint8Array[] = []
  for (const [name, value] of form) {
    const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(lines(name))}"`
    if (typeof value === 'string') chunks.push(encodeUtf8(`${disposition}\r\n\r\n${lines(value)}\r\n`))
    else {
      const type = value.type || 'application/octet-stream'
      chunks.push(encodeUtf8(`${disposition}; filename="${escapeName(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`))
      chunks.push(blobBytes(value), encodeUtf8('\r\n'))
    }
  }
  chunks.push(encodeUtf8(`--${boundary}--\r\n`))
  return { bytes: joinBytes(chunks), boundary }
}

/** The form in `bytes`. Throws TypeError where it breaks the format. */
export function decodeMultipart(bytes: Uint8Array<ArrayBuffer>, boundary: string): FormData {
  const form = new FormData()
  const delimiter = encodeUtf8(`\r\n--${boundary}`)
  let at = find(bytes, delimiter.subarray(2), 0) + delimiter.length - 2
  if (at < delimiter.length - 2) throw malformed()
  for (;;) {
    if (((bytes[at]! << 8) | bytes[at + 1]!) === DASHES) return form
    while (bytes[at] === 0x20 || bytes[at] === 0x09) at++ // transport padding
    if (bytes[at] !== CR || bytes[at + 1] !== LF) throw malformed()
    const end = find(bytes, delimiter, at)
    if (end < 0) throw malformed()
    appendPart(form, bytes.subarray(at + 2, end))
    at = end + delimiter.length
  }
}

function appendPart(form: FormData, part: Uint8Array<ArrayBuffer>): void {
  const split = find(part, encodeUtf8('\r\n\r\n'), 0)
  if (split < 0) throw malformed()
  const headers = decodeUtf8(part.subarray(0, split))
  const content = part.subarray(split + 4)
  const disposition = /^content-disposition:\s*form-data\s*(;.*)$/im.exec(headers)?.[1] ?? ''
  const name = parameter(disposition, 'name')
  if (name === undefined) throw malformed()
  const filename = parameter(disposition, 'filename')
  const type = /^content-type:\s*(.*?)\s*$/im.exec(headers)?.[1] ?? 'text/plain'
  form.append(name, filename === undefined ? decodeUtf8(content) : new File([content], filename, { type }))
}

function parameter(text: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^\\s;"]+))`, 'i').exec(text)
  return found
    ? (found[1] ?? found[2]!).replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n')
    : undefined
}

function find(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(wanted[0]!, from); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at
  }
  return -1
}

function lines(text: string): string {
  return text.replace(/\r\n?|\n/g, '\r\n')
}

function escapeName(name: string): string {
  return name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22')
}

function malformed(): TypeError {
  return new TypeError('the body is not well-formed multipart/form-data')
}
