// plugins/webhook/src/inbound.ts: what other programs say, by Standard Webhooks.
//   N1  Nothing is believed, or counted against others, before the signature holds; the time in it is at most 5 min off.
//   N2  A message's id is its key all the way to the log: sent again, it is one message and one run. What takes it is on disk before 200 is said.
//   N3  Whoever guesses learns nothing: an unknown endpoint and a wrong signature look alike.
//   N4  What it says is marked as an outsider's words for the model.
// @see https://www.standardwebhooks.com
import type { Agent } from '@pryx/plugin-agent/service'
import { PryxError } from '@pryx/sdk'
import { z } from 'zod'
import type { Config } from './config.ts'
import { createLimit } from './limit.ts'
import { isGenuine, type Key } from './signature.ts'

export const ROUTE = '/webhook'
const MAX_CHARS = 131_072
const UNKNOWN_PER_MINUTE = 600 // requests of which no signature holds, over all endpoints
const MAX_ID = 94 // with the endpoint's name a key of at most 128 characters

const body = z.union([
  z.object({ text: z.string().min(1).max(MAX_CHARS) }),
  z.object({ type: z.string().max(256), data: z.unknown() }),
])

export interface InboundPorts {
  agent: Pick<Agent, 'start'>
  now(): number
  /** A message was taken. */
  taken(): void
  /** Of an endpoint, newest first; none if it is not set up. */
  keysOf(name: string): readonly Key[]
}

export function createInbound({ agent, now, taken, keysOf }: InboundPorts, { endpoints }: Config) {
  const limit = createLimit()
  return serve

  async function serve(request: Request): Promise<Response> {
    if (request.method !== 'POST') return say(405, 'only POST', { allow: 'POST' })
    const name = new URL(request.url).pathname.slice(ROUTE.length + 1)
    const endpoint = Object.hasOwn(endpoints, name) ? endpoints[name] : undefined
    const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map(
      (part) => request.headers.get(`webhook-${part}`) ?? '',
    ) as [string, string, string]
    const body = new Uint8Array(await request.arrayBuffer())
    const text = new TextDecoder().decode(body)
    if (text.length > MAX_CHARS) return say(413, `at most ${MAX_CHARS} characters`)
    if (endpoint === undefined) return stranger() // N3
    if (!(await isGenuine(keysOf(name), { id, timestamp, body }, signature, now()))) return stranger() // N1
    const waitSeconds = limit.take(name, endpoint.perMinute, now())
    if (waitSeconds > 0) return tooMany(waitSeconds)
    return take(name, endpoint.session ?? `webhook.${name}`, id, text)
  }

  function stranger(): Response {
    const waitSeconds = limit.take('', UNKNOWN_PER_MINUTE, now())
    return waitSeconds > 0 ? tooMany(waitSeconds) : say(401, 'unknown address or wrong signature')
  }

  /** N2, N4 */
  async function take(name: string, session: string, id: string, text: string): Promise<Response> {
    if (!/^[\w.-]{1,94}$/.test(id)) return say(400, `webhook-id must be letters, digits, . _ and -, at most ${MAX_ID}`)
    const said = read(text)
    if (said === undefined) return say(400, 'the body must be JSON: {"text": …} or {"type": …, "data": …}')
    try {
      const run = await agent.start({
        text: said,
        session,
        surface: `webhook:${name}`,
        key: `${name}.${id}`,
        origin: `webhook ${name}`,
        lane: 'background',
      })
      taken()
      return say(200, 'taken', {}, { run: run.id })
    } catch (error) {
      if (PryxError.is(error, 'RUN_KEY_REUSED') || PryxError.is(error, 'SESSION_CLIENT_REUSED'))
        return say(409, 'this webhook-id was used for another message')
      throw error
    }
  }
}

function read(text: string): string | undefined {
  try {
    const { data } = body.safeParse(JSON.parse(text))
    if (data === undefined) return undefined
    return 'text' in data
      ? data.text
      : `${data.type}\n\n${JSON.stringify(data.data ?? null, undefined, 1)}`.slice(0, MAX_CHARS)
  } catch {
    return undefined
  }
}

function tooMany(seconds: number): Response {
  return say(429, 'too many', { 'retry-after': String(seconds) })
}

function say(status: number, message: string, headers: Record<string, string> = {}, more: object = {}): Response {
  return Response.json({ message, ...more }, { status, headers })
}
