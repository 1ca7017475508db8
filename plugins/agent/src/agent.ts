// plugins/agent/src/agent.ts: runs, from acceptance to their end (L7, L8).
//   R1  What `start` answered is on disk: it is finished, resumed or ended with a reason, whatever dies in between.
//   R2  A run ends once. The session's log decides how; the row of the run follows it.
//   R3  An ended run has lost its mark in the session before anybody is told, so it can write nothing any more.
//   R4  A wait never stops a run.
import type { SessionEvent } from '@pryx/plugin-sessions/service'
import { PryxError, UsageError } from '@pryx/sdk'
import { agentEvents } from './events.ts'
import { type Begun, converse, endedBefore, interrupted, readLog } from './loop/loop.ts'
import { type Call, messageOf } from './loop/tools.ts'
import type { Ports, Settings } from './ports.ts'
import { clientOf } from './prompt/messages.ts'
import { partsOf, toolTokens } from './prompt/parts.ts'
import { createLanes } from './runs/lanes.ts'
import { type Ending, type Kept, openStore, publicRun } from './runs/store.ts'
import type { Agent, Answer, RunRequest, Waited } from './service.ts'

const RUN_MS = 600_000
const DEFAULT_LANE_LIMIT = 2
const SURFACE = 'agent'

type Entries = Parameters<Ports['sessions']['append']>[1]['entries']

interface Live {
  readonly run: Kept
  readonly id: string
  readonly session: string
  readonly lane: string
  readonly stop: AbortController
  readonly open: Map<string, Call>
  /** This life has put its word into the session, or is about to. */
  said: Promise<void> | undefined
  /** The mark in the session, once it is there. */
  opened: Promise<void> | undefined
  ending: Promise<void> | undefined
  readonly ended: PromiseWithResolvers<void>
}

export type Provided = Omit<Agent, 'wait' | 'run'> & {
  waitSome(run: string, ms: number): Promise<Waited>
  answer(run: string): Promise<Answer>
}

export async function openAgent(ports: Ports, settings: Settings): Promise<{ service: Provided; end(): void }> {
  const { clock, sessions } = ports
  const store = await openStore(ports.sql)
  const live = new Map<string, Live>()
  const lanes = createLanes<Live>((lane) => settings.lanes[lane] ?? DEFAULT_LANE_LIMIT)
  let over = false
  for (const run of await store.open()) lanes.add(lived(run)) // R1; those in progress are the oldest of their sessions
  pump()
  return { service: { start, waitSome, answer, stop, get, runs, prompt }, end }

  async function start(request: RunRequest) {
    const { session = 'main', lane = 'main', surface = 'host', key, interrupt } = request
    const usage = { calls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0, unpriced: 0 }
    const id = ports.nextId()
    const made: Kept = { id, session, lane, status: 'queued', acceptedAt: clock.now(), usage, request, attempt: 0 }
    const { run, fresh } = await store.accept(made, key === undefined ? null : `${surface}/${key}`)
    if (!fresh) return publicRun(run)
    const one = lived(run)
    const before = interrupt ? lanes.runningIn(session) : undefined
    lanes.add(one) // in the order of their rows, which is the order of the next life
    await say(one).catch(async (error: unknown) => {
      await finish(one, failureOf(error))
      throw error
    })
    if (before) await finish(before, { status: 'superseded', error: 'Another message took its place.' })
    void ports.emit(agentEvents.queued, { run: id, session, lane })
    pump()
    return publicRun(run)
  }

  function lived(run: Kept): Live {
    const { id, session, lane } = run
    const controls = {
      stop: new AbortController(),
      open: new Map(),
      said: undefined,
      opened: undefined,
      ending: undefined,
    }
    const one: Live = { run, id, session, lane, ...controls, ended: Promise.withResolvers<void>() }
    live.set(id, one)
    return one
  }

  /** Puts the user's word into the session; again after a crash, where it counts once. */
  function say(one: Live): Promise<void> {
    one.said ??= send(one.run)
    return one.said
  }

  async function send({ id, session, request }: Kept): Promise<void> {
    const { text, origin, surface = 'host' } = request
    const word = { surface, client: clientOf(id), text, ...(origin !== undefined && { origin }) }
    try {
      await sessions.send(session, word)
    } catch (error) {
      if (!PryxError.is(error, 'SESSION_UNKNOWN')) throw error
      await sessions.create({ id: session }) // only now: nearly always it is there
      await sessions.send(session, word)
    }
  }

  function pump(): void {
    for (let one = over ? undefined : lanes.next(); one !== undefined; one = lanes.next()) void perform(one)
  }

  async function perform(one: Live): Promise<void> {
    const { run, stop: controller, open } = one
    const late = clock.after(run.request.timeoutMs ?? RUN_MS, () => {
      void finish(one, { status: 'timeout', code: 'RUN_TIMEOUT', error: 'It took too long and was stopped.' })
    })
    try {
      const before = run.attempt > 0 ? await endedBefore(ports, run) : undefined
      if (before) return await finish(one, before, 'logged')
      const begun = begin(one)
      one.opened = begun.then(() => {})
      one.opened.catch(() => {}) // told by `begun`
      const talk = { run, signal: controller.signal, open, begun, write }
      const { entries, ...ending } = await converse(ports, settings, talk)
      await finish(one, ending, entries)
    } catch (error) {
      if (!over) await finish(one, failureOf(error))
    } finally {
      void late()
    }

    async function write(entries: Entries): Promise<void> {
      await sessions.append(run.session, { surface: SURFACE, run: markOf(run), entries })
    }
  }

  async function begin(one: Live): Promise<Begun> {
    const { run } = one
    const resumed = run.attempt > 0
    await say(one)
    run.attempt++
    run.status = 'running'
    const entries: Entries = [{ kind: 'run.started', body: { run: run.id, ...(resumed && { resumed }) } }]
    // Both are on disk before anything is asked or called, so a life that dies between them has used its attempt for nothing.
    const [{ events }, before] = await Promise.all([
      sessions.append(run.session, { surface: SURFACE, run: markOf(run), claim: 'seize', entries }),
      readLog(ports, run.session), // meanwhile: the word is in it already
      store.begin(run.id, run.attempt, clock.now()),
    ])
    void ports.emit(agentEvents.started, { run: run.id, session: run.session, resumed })
    return { before, started: events[0] as SessionEvent }
  }

  /** R2 */
  function finish(one: Live, ending: Ending, entries: Entries | 'logged' = []): Promise<void> {
    one.ending ??= close(one, ending, entries)
    return one.ending
  }

  async function close(one: Live, ending: Ending, entries: Entries | 'logged'): Promise<void> {
    const { run, open } = one
    if (one.opened === undefined) lanes.remove(run.id) // it waits, and shall not begin now
    one.stop.abort(new UsageError('RUN_ENDED', `the run has ended: ${ending.status}`))
    const marked = await Promise.resolve(one.opened).then(
      () => one.opened !== undefined,
      () => false,
    )
    const { status, code } = ending
    try {
      if (entries !== 'logged') {
        const all = [...entries, ...[...open.values()].slice(0, 50).map(interrupted), lastEntry(run.id, ending)]
        const fence = marked ? { run: markOf(run), claim: 'leave' as const } : {}
        await sessions.append(run.session, { surface: SURFACE, entries: all, ...fence }) // R3
      }
      await store.end(run, clock.now(), ending)
    } catch (failure) {
      if (!PryxError.is(failure, 'SESSION_FENCED')) ports.warn(`the end of run ${run.id} could not be written`, failure)
      else await store.end(run, clock.now(), { status: 'superseded', error: 'Another run took its place.' })
    } finally {
      lanes.remove(run.id)
      live.delete(run.id)
      one.ended.resolve()
      const ms = clock.now() - run.acceptedAt
      void ports.emit(agentEvents.ended, {
        run: run.id,
        session: run.session,
        status,
        ms,
        ...(code !== undefined && { code }),
      })
      pump()
    }
  }

  async function stop(id: string): Promise<boolean> {
    const one = live.get(id)
    if (one === undefined) {
      await store.get(id)
      return false
    }
    const first = one.ending === undefined
    await finish(one, { status: 'cancelled', code: 'RUN_CANCELLED', error: 'It was stopped.' })
    return first
  }

  /** R4 */
  async function waitSome(id: string, ms: number): Promise<Waited> {
    const one = live.get(id)
    if (one !== undefined && ms > 0) {
      const timeUp = Promise.withResolvers<void>()
      const release = clock.after(ms, timeUp.resolve)
      await Promise.race([one.ended.promise, timeUp.promise])
      void release()
    }
    const run = await get(id)
    if (run.endedAt === undefined) return { status: 'timeout', run }
    return { status: run.status === 'ok' ? 'ok' : 'error', run }
  }

  /** @throws what the run ended with, if not with an answer */
  async function answer(id: string): Promise<Answer> {
    const run = await get(id)
    const { calls, inputTokens, outputTokens, costUsd, unpriced } = run.usage
    if (run.status === 'ok')
      return {
        text: run.text ?? '',
        usage: { calls, inputTokens, outputTokens, costUsd: unpriced > 0 ? undefined : costUsd },
      }
    const code = run.endedAt === undefined ? 'RUN_TIMEOUT' : (run.code ?? `RUN_${run.status.toUpperCase()}`)
    throw new UsageError(code as 'RUN_FAILED', run.error ?? `the run is ${run.status}`, {
      hint: `The session ${run.session} shows how far it came.`,
    })
  }

  async function get(id: string) {
    return publicRun(await store.get(id))
  }

  async function runs({ session, open = false, limit = 50 }: Parameters<Agent['runs']>[0] = {}) {
    return (await store.list(session, open, limit)).map(publicRun)
  }

  async function prompt() {
    const tools = await ports.tools.list()
    return {
      parts: await partsOf(ports, settings),
      toolTokens: toolTokens(tools),
      tools: tools.map(({ name }) => name),
    }
  }

  /** Lets go of all runs without ending them: the next life finds them open. */
  function end(): void {
    over = true
    for (const { stop: controller } of live.values())
      controller.abort(new UsageError('RUN_LEFT', 'the agent is ending'))
  }
}

function lastEntry(run: string, { status, error, code }: Ending): Entries[number] {
  const why = { ...(error !== undefined && { error: error.slice(0, 2_000) }), ...(code !== undefined && { code }) }
  return { kind: 'run.finished', body: { run, status: status as 'ok', ...why } }
}

/** Which life of a run may write; the next attempt's mark takes its place. */
function markOf({ id, attempt }: Kept): string {
  return `${id}.${attempt}`
}

function failureOf(error: unknown): Ending {
  const code = error instanceof Error && 'code' in error ? String(error.code).slice(0, 64) : 'RUN_FAILED'
  if (code === 'SESSION_FENCED') return { status: 'superseded', error: 'Another run took its place.' }
  return { status: 'error', code, error: messageOf(error) }
}
