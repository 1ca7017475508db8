// packages/sdk/src/testing/memory-http.ts: `http` without a port: what the plugin serves is asked by the harness's own `fetch`.
//   W1  A route goes with the instance that took it, as with the real server.
//   W2  What a handler throws reaches the test as it is; the real server would answer 500 and say no more.
import { readFile, stat } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import { type Capability, type CapabilityCall, type CapabilityMethod, UsageError } from '@pryx/kernel/contract'
import { z } from 'zod'

const ORIGIN = 'http://127.0.0.1:1' // nothing listens there
const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
}

export interface MemoryHttp {
  readonly capability: Capability
  /** @param path Begins with a slash. A path nobody serves is answered 404. */
  fetch(path: string, init?: RequestInit): Promise<Response>
}

type Handler = (request: object) => Promise<{ status: number; headers?: [string, string][]; body?: BodyInit }>
type Answer = (request: Request, rest: string) => Promise<Response>

export function createMemoryHttp(): MemoryHttp {
  const routes = new Map<string, Answer>()
  return {
    capability: {
      name: 'http',
      version: '1.0.0',
      summary: 'http, in memory',
      parse: (rest) => rest,
      covers: (granted, wanted) => granted === wanted,
      consent: () => ({ text: 'serve web pages on this machine', risk: 'low', traits: [] }),
      methods: {
        serve: method((call, [prefix, handler]) => take(prefix as string, asker(handler as Handler), call)),
        static: method((call, [prefix, folder, options]) =>
          take(prefix as string, files(join(call.place.package, folder as string), options as { spa?: boolean }), call),
        ),
        unserve: method((_, [prefix]) => routes.delete(clean(prefix as string))),
        url: method(() => ORIGIN),
      },
    },
    async fetch(path, init) {
      const request = new Request(new URL(path, ORIGIN), init)
      const { pathname } = new URL(request.url)
      const [prefix = '', answer] = [...routes].filter(([one]) => covers(one, pathname)).sort(longestFirst)[0] ?? []
      return (
        answer?.(request, pathname.slice(prefix.length)) ?? new Response('No plugin serves this path.', { status: 404 })
      )
    },
  }

  /** W1 */
  function take(prefix: string, answer: Answer, call: CapabilityCall): void {
    const key = clean(prefix)
    call.effect(() => {
      if (routes.has(key))
        throw new UsageError('HTTP_PREFIX_TAKEN', `${prefix} is served already`, { hint: 'Serve another prefix.' })
      routes.set(key, answer)
      return () => void (routes.get(key) === answer && routes.delete(key))
    })
  }
}

function method(run: (call: CapabilityCall, args: unknown[]) => unknown): CapabilityMethod<never> {
  return {
    input: z.array(z.unknown()),
    access: () => ['serve'],
    run: async (args: unknown[], call: CapabilityCall) => run(call, args),
  } as unknown as CapabilityMethod<never>
}

function asker(handler: Handler): Answer {
  return async (request) => {
    const { url, method, headers, body } = request
    const answer = await handler({ url, method, headers: [...headers], remote: '127.0.0.1', ...(body && { body }) })
    return new Response(answer.body ?? null, { status: answer.status, headers: answer.headers ?? [] })
  }
}

function files(folder: string, { spa = false }: { spa?: boolean } = {}): Answer {
  return async (_, rest) => {
    const wanted = join(folder, normalize(`/${decodeURIComponent(rest)}`))
    const file = (await isFile(wanted)) ?? (await isFile(join(wanted, 'index.html')))
    const found = file ?? (spa ? await isFile(join(folder, 'index.html')) : undefined)
    if (found === undefined) return new Response('There is no such file.', { status: 404 })
    const headers = { 'content-type': TYPES[extname(found)] ?? 'application/octet-stream' }
    return new Response(new Uint8Array(await readFile(found)), { headers })
  }
}

async function isFile(path: string): Promise<string | undefined> {
  const facts = await stat(path).catch(() => undefined)
  return facts?.isFile() ? path : undefined
}

function clean(prefix: string): string {
  return prefix.replace(/\/+$/, '')
}

function covers(prefix: string, path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`)
}

function longestFirst([a]: [string, unknown], [b]: [string, unknown]): number {
  return b.length - a.length
}
