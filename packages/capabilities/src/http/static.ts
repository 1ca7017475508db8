// packages/capabilities/src/http/static.ts: files of a plugin's own package, served without waking it.
//   Z1  No path leaves the folder: not by `..`, not by an encoded slash, not by a link. What begins with a dot is not there.
import { createHash } from 'node:crypto'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { CapabilityError, type PluginPlace } from '@pryx/kernel/contract'
import { sendText, setHead } from './answer.ts'

const MIME: Record<string, string> = {
  '.avif': 'image/avif',
  '.css': 'text/css; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.ogg': 'audio/ogg',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}

export interface StaticFolder {
  /** Real path. */
  root: string
  /** Paths without a file answer index.html: the page routes them itself. */
  spa: boolean
}

/** The folder inside the plugin's package. @throws HTTP_FOLDER if it is not there or not inside. */
export async function findFolder(folder: string, place: PluginPlace): Promise<string> {
  const home = await realpath(place.package).catch(() => undefined)
  const root = home && (await realpath(join(home, folder)).catch(() => undefined))
  if (home !== undefined && root !== undefined && isWithin(home, root)) return root
  throw new CapabilityError('HTTP_FOLDER', `the package has no folder ${folder.slice(0, 80)}`, {
    hint: 'Name a folder of the plugin\'s own package, such as dist/page, and list it in "files".',
    folder,
  })
}

/** @param path What follows the prefix, still percent-encoded, beginning with a slash. */
export async function answerFromFolder(
  { root, spa }: StaticFolder,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return sendText(response, 405, 'Only GET and HEAD are served here.', [['allow', 'GET, HEAD']])
  const found = (await openFile(root, path)) ?? (spa && isPage(path) ? await openFile(root, '/') : undefined)
  if (found === undefined) return sendText(response, 404, 'There is no such page.')
  try {
    await sendFile(found, request, response)
  } finally {
    await found.handle.close()
  }
}

interface FoundFile {
  handle: FileHandle
  name: string
  bytes: number
  etag: string
}

async function openFile(root: string, path: string): Promise<FoundFile | undefined> {
  const parts = partsOf(path)
  if (parts === undefined) return undefined
  const wanted = join(root, ...parts, ...(path.endsWith('/') ? ['index.html'] : []))
  const name = await realpath(wanted).catch(() => undefined)
  if (name === undefined || !isWithin(root, name)) return undefined // Z1
  const handle = await open(name, 'r').catch(() => undefined)
  const facts = await handle?.stat({ bigint: true })
  if (handle === undefined || !facts?.isFile()) return void (await handle?.close())
  const etag = createHash('sha256')
    .update(`${facts.ino} ${facts.size} ${facts.mtimeNs}`)
    .digest('base64url')
    .slice(0, 22)
  return { handle, name, bytes: Number(facts.size), etag: `"${etag}"` }
}

async function sendFile(
  { handle, name, bytes, etag }: FoundFile,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const known = request.headers['if-none-match']
    ?.split(',')
    .some((tag) => tag.trim().replace(/^W\//, '') === etag || tag.trim() === '*')
  const type = MIME[extname(name).toLowerCase()] ?? 'application/octet-stream'
  setHead(response, known ? 304 : 200, [
    ['content-type', type],
    ['etag', etag],
    ['cache-control', 'no-cache'],
  ])
  if (!known) response.setHeader('content-length', bytes)
  if (known || request.method === 'HEAD' || bytes === 0) return void response.end()
  // `end` holds a file that grows meanwhile to the length announced.
  await pipeline(handle.createReadStream({ end: bytes - 1, autoClose: false }), response).catch(() =>
    response.destroy(),
  )
}

/** Decoded names, or undefined if one of them must not be looked for (Z1). */
function partsOf(path: string): string[] | undefined {
  const parts: string[] = []
  for (const encoded of path.split('/')) {
    if (encoded === '') continue
    const part = decodePart(encoded)
    if (part === undefined || part.startsWith('.') || /[/\\\0]/.test(part)) return undefined
    parts.push(part)
  }
  return parts
}

function decodePart(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

function isPage(path: string): boolean {
  return extname(path) === '' && !path.split('/').some((part) => part.startsWith('.') || part.startsWith('%'))
}

function isWithin(home: string, path: string): boolean {
  return path === home || path.startsWith(home.endsWith(sep) ? home : home + sep)
}
