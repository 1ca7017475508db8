// plugins/scheduler/src/triggers/webhooks.ts: webhooks as triggers (S1): signed as Standard Webhooks say, and never taken twice.
//   W1  Nothing is believed before the signature holds; a message older or newer than 5 min is refused, so old ones cannot be kept and sent.
//   W2  A message's id is taken once per task: id and run are one transaction.
//   W3  Whoever guesses an address learns nothing: unknown task and wrong signature look alike.
import { Webhook } from 'standardwebhooks'
import type { Ports } from '../ports.ts'
import type { Sentries } from './sentries.ts'

export const PREFIX = '/hooks'
const MAX_CHARS = 262_144
const PER_MINUTE = 120 // of one task
const KEPT_MS = 3_600_000 // longer than W1 lets a message live

/** @param secretOf The `whsec_…` of a task. */
export function createWebhooks(
  ports: Pick<Ports, 'store' | 'clock'>,
  sentries: Sentries,
  secretOf: (taskId: string) => Promise<string>,
) {
  const { store, clock } = ports
  const recent = new Map<string, number[]>()
  return { serve }

  async function serve(request: Request): Promise<Response> {
    const taskId = new URL(request.url).pathname.slice(PREFIX.length + 1)
    if (request.method !== 'POST') return answer(405, 'only POST')
    if (tooMany(taskId)) return answer(429, 'too many', { 'retry-after': '60' })
    const body = await request.text()
    if (body.length > MAX_CHARS) return answer(413, 'too long')
    const task = await store.task(taskId)
    const genuine = task?.trigger.kind === 'webhook' && (await isGenuine(taskId, body, request.headers))
    if (!genuine) return answer(401, 'unknown address or wrong signature') // W3
    return take(taskId, request.headers.get('webhook-id') ?? '', body)
  }

  async function isGenuine(taskId: string, body: string, headers: Headers): Promise<boolean> {
    try {
      new Webhook(await secretOf(taskId)).verify(body, Object.fromEntries(headers), { jsonParse: false }) // W1
      return true
    } catch {
      return false
    }
  }

  /** W2 */
  async function take(taskId: string, id: string, body: string): Promise<Response> {
    const now = clock.now()
    const note = {
      sql: 'INSERT INTO webhook_ids (task, id, at) VALUES (?, ?, ?)',
      params: [taskId, id.slice(0, 256), now],
    }
    const old = { sql: 'DELETE FROM webhook_ids WHERE task = ? AND at < ?', params: [taskId, now - KEPT_MS] }
    try {
      const run = await sentries.fire(taskId, { id, body: readBody(body) }, [old, note])
      return run === undefined ? answer(409, 'the task is not active') : answer(202, 'taken', {}, { run })
    } catch (error) {
      const [known] = await store.sql.all(
        'SELECT 1 FROM webhook_ids WHERE task = ? AND id = ?',
        taskId,
        id.slice(0, 256),
      )
      if (known !== undefined) return answer(200, 'taken before')
      throw error
    }
  }

  function tooMany(taskId: string): boolean {
    const now = clock.now()
    const times = (recent.get(taskId) ?? []).filter((at) => now - at < 60_000)
    if (recent.size > 1_000 && !recent.has(taskId)) recent.clear()
    recent.set(taskId, times)
    if (times.length >= PER_MINUTE) return true
    times.push(now)
    return false
  }
}

function readBody(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch {
    return body
  }
}

function answer(status: number, message: string, headers: Record<string, string> = {}, more: object = {}): Response {
  return new Response(JSON.stringify({ message, ...more }), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
}
