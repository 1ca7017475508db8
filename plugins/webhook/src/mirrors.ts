// plugins/webhook/src/mirrors.ts: answers of a session, on their way to the endpoint that speaks into it.
//   G1  Each answer goes into the queue once: it and the mark of how far the log was read are one transaction.
//   G2  An endpoint hears what is said after it was set up, never what was there before.
import type { Sessions } from '@pryx/plugin-sessions/service'
import type { Config } from './config.ts'
import type { Outbound } from './outbound.ts'

export interface Mirrors {
  begin(names: readonly string[]): Promise<void>
  catchUp(session: string): Promise<void>
}

export function createMirrors(
  sessions: Pick<Sessions, 'create' | 'events'>,
  outbound: Pick<Outbound, 'add' | 'seen'>,
  { endpoints }: Config,
): Mirrors {
  const bySession = new Map<string, { endpoint: string; version: number; turn: Promise<void> }>()
  return {
    async begin(names) {
      for (const endpoint of names) {
        const session = endpoints[endpoint]?.session ?? `webhook.${endpoint}`
        if (endpoints[endpoint]?.url === undefined) continue
        const { version } = await sessions.create({ id: session })
        bySession.set(session, {
          endpoint,
          version: (await outbound.seen(session)) ?? version,
          turn: Promise.resolve(),
        }) // G2
        await this.catchUp(session)
      }
    },
    catchUp(session) {
      const mirror = bySession.get(session)
      if (mirror === undefined) return Promise.resolve()
      mirror.turn = mirror.turn.catch(() => {}).then(() => read(session, mirror))
      return mirror.turn
    },
  }

  async function read(session: string, mirror: { endpoint: string; version: number }): Promise<void> {
    for (let more = true; more; ) {
      const page = await sessions.events(session, { after: mirror.version })
      for (const { kind, body, version, at } of page.events) {
        if (kind === 'message' && body.role === 'assistant') {
          const data = { session, version, text: body.text }
          const payload = JSON.stringify({ type: 'session.answer', timestamp: new Date(at).toISOString(), data })
          const id = `msg_${mirror.endpoint}.${session.replace(/[^\w.-]/g, '_')}.${version}`
          await outbound.add({ id, endpoint: mirror.endpoint, body: payload }, { session, version }) // G1
        }
        mirror.version = version
      }
      more = page.more
    }
  }
}
