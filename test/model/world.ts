// test/model/world.ts: the real kernel core on powers a history holds in its hand, with the model beside it; `finding` is where they differ.
//   M1  What a driver or a provider executes was declared, and granted at that moment (or let through once), by the model's own account.
//   M2  What is open (calls, streams both ways, functions, effects, hooks) is held by a permission the model still gives.
//   M3  Each act that was executed stands in the audit log once; what stands there as allowed was executed.
//   M4  At rest the kernel decides as the model does, in both directions.
//   M5  In the end everything has been answered, and nothing is left: no effect, stream, timer, guest.
import { createMemorySink, fakeHash } from '../../packages/kernel/src/audit/testing.ts'
import {
  declaredPermissions,
  type GuestMessage,
  type HostMessage,
  PryxError,
} from '../../packages/kernel/src/contract/index.ts'
import { parseManifest } from '../../packages/kernel/src/contract/manifest.ts'
import { type Kernel, openKernel } from '../../packages/kernel/src/kernel.ts'
import type { PluginPackage } from '../../packages/kernel/src/lifecycle/package.ts'
import type { Approval } from '../../packages/kernel/src/permissions/approvals.ts'
import type { Duration } from '../../packages/kernel/src/permissions/grant.ts'
import { createCountingIds } from '../../packages/kernel/src/powers-testing.ts'
import { createJumpClock, type JumpClock, settle } from './clock.ts'
import {
  type Behaviour,
  type Call,
  createScriptedSandboxes,
  type ScriptedGuest,
  type ScriptedSandboxes,
} from './guests.ts'
import { createLab, type Lab } from './lab.ts'
import { covers, PermissionModel, type Statement, type Verdict } from './permissions.ts'

export const NAMES = ['a', 'b', 'c'] as const
export type Name = (typeof NAMES)[number]
/** Whose services and tools a plugin declares: the next one's. */
const NEIGHBOUR = { a: 'b', b: 'c', c: 'a' } as const
export const LAB_METHODS = ['act', 'slow', 'hang', 'rude', 'stream', 'take', 'watch', 'pester'] as const
export type LabMethod = (typeof LAB_METHODS)[number]
const EVENT = 'beat.n'

export interface World {
  readonly kernel: Kernel
  readonly clock: JumpClock
  readonly findings: string[]
  readonly lab: Lab
  install(name: Name): void
  remove(name: Name): void
  reload(name: Name, narrow: boolean): void
  enable(name: Name): void
  disable(name: Name): void
  crash(name: Name, how: 'isolate' | 'process' | 'neighbour'): void
  grant(name: Name, permission: string, choice: { mode: 'allow' | 'ask' | 'deny'; duration: Duration }): void
  revoke(name: Name, permission: string): void
  answer(which: number, answer: 'allow' | 'deny', duration: 'once' | 'session' | 'forever'): void
  callLab(name: Name, method: LabMethod, what: string): void
  callService(name: Name, provider: Name, behaviour: Behaviour): void
  callTool(name: Name, provider: Name, behaviour: Behaviour): void
  emit(name: Name): void
  cancel(which: number): void
  finish(which: number): void
  tick(): void
  disk(slow: boolean): void
  /** Lets everything happen that is due, then looks (M1 to M3). */
  rest(): Promise<void>
  /** Asks for everything and compares (M4). */
  probe(): Promise<void>
  /** Ends it all (M5). */
  end(): Promise<void>
}

export async function openWorld(): Promise<World> {
  const findings: string[] = []
  const clock = createJumpClock()
  const model = new PermissionModel()
  const sink = createMemorySink()
  const calls: Call[] = []
  const byToken = new Map<string, Call>()
  const approvals: Approval[] = []
  const operations = new Set<Promise<unknown>>()
  const emits = new Map<string, ScriptedGuest>()
  /** Lasting answers that are not grants yet. */
  const answered = new Set<{ plugin: string; said: Statement }>()
  /** Tokens of calls that reached a provider. */
  const provided: string[] = []
  let disk = Promise.withResolvers<void>()
  disk.resolve()
  let tokens = 0
  let read = 0
  const finding = (text: string): void => void findings.push(text)
  const lab = createLab({ onRun, finding })
  const sandboxes: ScriptedSandboxes = createScriptedSandboxes({
    onDelivered,
    finding,
    offered,
    actFor,
    record(call) {
      calls.push(call)
      byToken.set(call.token, call)
    },
  })
  const kernel = await openKernel(
    {
      clock,
      ids: createCountingIds(),
      sandboxes,
      grants: { load: async () => undefined, save: () => disk.promise },
      audit: sink,
      hash: fakeHash,
    },
    {
      version: '1.0.0',
      capabilities: [lab],
      workspace: '/w',
      dataOf: (plugin) => `/d/${plugin}`,
      standby: 'never',
      host: () => ({ node: '24', pid: 0, startedAt: 0, rssBytes: 0 }),
    },
  )
  kernel.on('approval.needed', (approval) => void approvals.push(approval as Approval))
  kernel.on('approval.resolved', (fact) => {
    const at = approvals.findIndex(({ id }) => id === (fact as { id: string }).id)
    if (at >= 0) approvals.splice(at, 1)
  })
  kernel.on(EVENT, (data, { from }) => {
    const guest = emits.get(String(data))
    if (guest === undefined || guest.plugin !== from) return finding(`an event came from ${from} that it did not send`)
    if (!mayUse(guest, `events:emit:${EVENT}`, byToken.get(String(data)))) finding(`${from} emitted without permission`)
  })

  return {
    kernel,
    clock,
    findings,
    lab,
    install(name) {
      forgetRemoved() // or one that was removed since the last look would keep what was said of it
      operate(kernel.install(packageOf(name, false)))
    },
    remove: (name) => operate(kernel.remove(name)),
    reload: (name, narrow) => operate(kernel.reload(name, packageOf(name, narrow))),
    enable: (name) => operate(kernel.enable(name)),
    disable: (name) => operate(kernel.disable(name)),
    crash,
    grant,
    revoke,
    answer,
    callLab: (name, method, what) => withGuest(name, (guest) => void callLab(guest, method, what)),
    callService: (name, provider, behaviour) => withGuest(name, (guest) => callService(guest, provider, behaviour)),
    callTool: (name, provider, behaviour) => withGuest(name, (guest) => callTool(guest, provider, behaviour)),
    emit,
    cancel(which) {
      const open = calls.filter((call) => call.answers === 0)
      const call = open[which % open.length]
      call?.guest.cancel(call)
    },
    finish(which) {
      if (which % 2 === 0) return lab.finish()
      for (const guest of sandboxes.guests) for (const id of guest.serving.keys()) return guest.finish(id)
    },
    tick,
    disk(slow) {
      disk.resolve()
      if (slow) disk = Promise.withResolvers()
    },
    rest,
    probe,
    end,
  }

  // ── what is done ─────────────────────────────────────────────────────────────────────────────────────────────────

  function operate(work: Promise<unknown>): void {
    const one = work.catch(expectPryx).finally(() => operations.delete(one))
    operations.add(one)
  }

  function expectPryx(error: unknown): void {
    if (!PryxError.is(error))
      finding(`an operation failed without a code: ${error instanceof Error ? error.stack : String(error)}`)
  }

  function withGuest(name: Name, act: (guest: ScriptedGuest) => void): void {
    for (const guest of sandboxes.guests) if (guest.plugin === name) return act(guest)
  }

  function crash(name: Name, how: 'isolate' | 'process' | 'neighbour'): void {
    withGuest(name, (guest) => {
      if (how === 'isolate')
        return guest.lose({ code: 'SANDBOX_MEMORY', message: 'too much', strike: true, processLost: false })
      sandboxes.kill(guest, how === 'process' ? name : undefined)
    })
  }

  function grant(name: Name, permission: string, { mode, duration }: Parameters<World['grant']>[2]): void {
    if (mode === 'deny') return revoke(name, permission)
    if (!isKnown(name)) return
    const until = typeof duration === 'object' ? duration.until : Number.POSITIVE_INFINITY
    const lasts = { once: duration === 'once', forever: duration === 'forever' }
    const said = model.say(name, { permission, mode, until, ...lasts, scope: 'workspace', pending: true })
    operate(
      kernel.permissions.grant(name, permission, { mode, duration, by: 'test' }).then(
        () => {
          said.pending = false
        },
        (error: unknown) => {
          model.unsay(name, said)
          throw error
        },
      ),
    )
  }

  function revoke(name: Name, permission: string): void {
    if (!isKnown(name)) return
    const said = { permission, mode: 'deny', until: Number.POSITIVE_INFINITY, once: false, forever: true } as const
    model.say(name, { ...said, scope: 'host', pending: false })
    operate(kernel.permissions.revoke(name, permission, 'test'))
  }

  function answer(which: number, answer: 'allow' | 'deny', duration: 'once' | 'session' | 'forever'): void {
    const approval = approvals[which % approvals.length]
    if (approval === undefined) return
    const { plugin, permission } = approval
    const forReload = approval.trace === '' // a version that wants more: once would be too short for it
    if (answer === 'allow')
      for (const call of calls)
        if (call.answers === 0 && call.guest.plugin === plugin && call.permission === permission)
          call.once = model.now()
    if (duration !== 'once' || (forReload && answer === 'allow')) {
      const until = Number.POSITIVE_INFINITY
      const lasts = { once: false, forever: duration === 'forever' }
      const said = model.say(plugin, { permission, mode: answer, until, ...lasts, scope: 'workspace', pending: true })
      answered.add({ plugin, said })
    }
    kernel.approvals.resolve(approval.id, { answer, duration, by: 'test' })
  }

  function newCall(guest: ScriptedGuest, permission: string): Call {
    const token = `${guest.plugin}#${++tokens}`
    return {
      token,
      guest,
      permission,
      id: guest.next(),
      answers: 0,
      error: undefined,
      once: undefined,
      maybeOnce: undefined,
      reading: undefined,
      sending: undefined,
      lentFunction: undefined,
      onAnswer: undefined,
    }
  }

  function callLab(guest: ScriptedGuest, method: LabMethod, what: string): Call {
    const call = newCall(guest, `lab:${what}`)
    const args: unknown[] = [what, call.token]
    if (method === 'take') {
      call.sending = guest.next()
      guest.sends.set(call.sending, { credit: 0, token: call.token })
      args.push({ $: 'stream', id: call.sending })
    }
    if (method === 'watch' || method === 'pester') {
      call.lentFunction = guest.next()
      guest.functions.set(call.lentFunction, call.token)
      args.push({ $: 'fn', id: call.lentFunction })
    }
    guest.begin(call, { t: 'call', id: call.id, service: 'lab', range: '^1.0.0', method, args, trace: call.token })
    return call
  }

  function callService(guest: ScriptedGuest, provider: Name, behaviour: Behaviour): void {
    const call = newCall(guest, `service:svc-${provider}`)
    const args = [behaviour, call.token]
    const service = `svc-${provider}`
    guest.begin(call, { t: 'call', id: call.id, service, range: '^1.0.0', method: 'do', args, trace: call.token })
  }

  function callTool(guest: ScriptedGuest, provider: Name, behaviour: Behaviour): void {
    const call = newCall(guest, `tools:tool-${provider}`)
    guest.begin(call, { t: 'tool', id: call.id, name: `tool-${provider}`, input: behaviour, trace: call.token })
  }

  function emit(name: Name): void {
    withGuest(name, (guest) => {
      const call = newCall(guest, `events:emit:${EVENT}`)
      emits.set(call.token, guest)
      guest.begin(call, { t: 'emit', id: call.id, name: EVENT, data: call.token, trace: call.token })
    })
  }

  function actFor(guest: ScriptedGuest, done: () => void): void {
    callLab(guest, 'act', 'one').onAnswer = done
  }

  function tick(): void {
    lab.tick()
    for (const guest of sandboxes.guests) guest.sendChunks()
  }

  // ── what plugins are ─────────────────────────────────────────────────────────────────────────────────────────────

  function offered({ plugin }: ScriptedGuest): GuestMessage[] {
    return [
      { t: 'provide', kind: 'service', name: `svc-${plugin}`, version: '1.0.0', methods: ['do'] },
      { t: 'provide', kind: 'tool', name: `tool-${plugin}`, version: '1.0.0', methods: [] },
      { t: 'provide', kind: 'hook', name: 'before:tool.call', version: '1.0.0', methods: [] },
      { t: 'on', sub: 1, pattern: 'beat.*', policy: 'drop-oldest', capacity: 8 },
    ]
  }

  // ── what is seen ─────────────────────────────────────────────────────────────────────────────────────────────────

  function onRun({ plugin }: { plugin: string }, permission: string, token: string): void {
    const call = byToken.get(token)
    if (call === undefined || call.guest.plugin !== plugin) return finding(`${token} was executed for ${plugin}`)
    if (call.guest.disposed) finding(`${token} was executed for an instance that has ended`)
    if (!mayUse(call.guest, permission, call)) finding(`${token} was executed without ${permission} (M1)`)
  }

  function onDelivered(guest: ScriptedGuest, message: HostMessage): void {
    if (message.t === 'event' && !verdictsOf(guest, `events:on:${message.name}`).has('allow'))
      finding(`${guest.plugin} heard ${message.name} without permission`)
    if (message.t !== 'call') return
    const call = byToken.get(message.trace)
    if (message.kind === 'hook') {
      if (!verdictsOf(guest, `hooks:${message.name}`).has('allow'))
        finding(`${guest.plugin} was asked by a hook it may not hear`)
    } else if (message.kind === 'fn') {
      const token = guest.functions.get(Number(message.name))
      const own = token === undefined ? undefined : byToken.get(token)
      if (own === undefined) return finding(`${guest.plugin} was called back after the function was given back`)
      if (!holds(own)) finding(`${own.token} was called back without ${own.permission} (M2)`)
    } else if (message.from !== 'host') {
      if (call === undefined) return finding('a provider was called by nobody')
      provided.push(call.token)
      if (!mayUse(call.guest, call.permission, call))
        finding(`${call.token} was served without ${call.permission} (M1)`)
    }
  }

  function verdictsOf(guest: ScriptedGuest, permission: string): Set<Verdict> {
    return model.verdicts(guest.plugin, declaredOf(guest), permission, clock.now())
  }

  /** True if the call may act now, in the model's eyes; spends what was given for once. */
  function mayUse(guest: ScriptedGuest, permission: string, call: Call | undefined): boolean {
    readAudit()
    if (verdictsOf(guest, permission).has('allow')) return true
    if (call === undefined) return false
    call.once ??= model.claim(guest.plugin, permission)
    return isLetThrough(call, permission)
  }

  function isLetThrough({ once, guest }: Pick<Call, 'once' | 'guest'>, permission: string): boolean {
    return once !== undefined && !model.deniedSince(guest.plugin, permission, once)
  }

  /** True if what the call opened may stay open. */
  function holds(call: Call): boolean {
    if (call.guest.disposed) return false
    if (verdictsOf(call.guest, call.permission).has('allow') || isLetThrough(call, call.permission)) return true
    return isLetThrough({ ...call, once: call.maybeOnce }, call.permission)
  }

  /** Which of the calls that wait spent it, only the kernel knows. */
  function spent(plugin: string, permission: string, id: string): void {
    const order = model.spend(plugin, id)
    for (const call of calls)
      if (call.answers === 0 && call.guest.plugin === plugin && covers(permission, call.permission))
        call.maybeOnce = order
  }

  /** Tells the model what the kernel's log says of grants for once. */
  function readAudit(): void {
    for (const entry of kernel.audit.tail(2_000)) {
      if (entry.seq <= read) continue
      read = entry.seq
      const [permission = ''] = entry.access
      if (entry.act === 'permission.used') spent(entry.plugin, permission, entry.trace)
      if (entry.act !== 'permission.granted') continue
      const { duration } = entry.detail as { duration?: unknown }
      model.name(entry.plugin, permission, duration === 'once', entry.trace)
      for (const one of [...answered])
        if (one.plugin === entry.plugin && one.said.permission === permission) {
          one.said.pending = false
          answered.delete(one)
        }
    }
    forgetRemoved()
  }

  function forgetRemoved(): void {
    for (const name of NAMES) if (!isKnown(name)) model.forget(name)
  }

  function isKnown(name: Name): boolean {
    try {
      kernel.permissions.list(name)
      return true
    } catch {
      return false
    }
  }

  async function calm(): Promise<void> {
    let busy = true
    while (busy) {
      await settle()
      busy = false
      for (const guest of [...sandboxes.guests]) busy = guest.pump() || busy
    }
  }

  async function rest(): Promise<void> {
    await calm()
    readAudit()
    for (const open of lab.open) {
      const call = byToken.get(open.token) as Call
      if (!holds(call)) finding(`a ${open.what} of ${call.token} is open without ${call.permission} (M2)`)
    }
    for (const call of calls) if (!call.guest.disposed) lookAt(call)
  }

  function lookAt(call: Call): void {
    const { guest, permission, token } = call
    const verdicts = verdictsOf(guest, permission)
    const lost = verdicts.size === 1 && (verdicts.has('deny') || verdicts.has('undeclared'))
    if (!lost || holds(call)) return
    if (call.answers === 0) finding(`${token} is not answered though ${permission} is gone (M2)`)
    if (call.reading !== undefined && guest.reads.has(call.reading))
      finding(`${token} reads on without ${permission} (M2)`)
    if (call.sending !== undefined && guest.sends.has(call.sending))
      finding(`${token} sends on without ${permission} (M2)`)
    if (call.lentFunction !== undefined && guest.functions.has(call.lentFunction))
      finding(`the function of ${token} was not given back though ${permission} is gone (M2)`)
    for (const other of sandboxes.guests)
      for (const served of other.serving.values())
        if (served.token === token) finding(`${token} is still being served without ${permission} (M2)`)
  }

  // ── at rest, and in the end ──────────────────────────────────────────────────────────────────────────────────────

  async function calmDown(): Promise<void> {
    disk.resolve()
    for (let round = 0; round < 6; round++) {
      await calm()
      for (const { id } of [...approvals])
        kernel.approvals.resolve(id, { answer: 'deny', duration: 'once', by: 'test' })
      lab.finish()
      for (const guest of sandboxes.guests) {
        guest.endStreams()
        for (const id of [...guest.serving.keys()]) guest.finish(id)
      }
      await calm()
      clock.jump(11_000)
    }
    await calm()
    if (operations.size > 0) finding(`${operations.size} operations never ended`)
    for (const call of calls)
      if (!call.guest.disposed && call.answers !== 1)
        finding(`${call.token} (${call.permission}) was answered ${call.answers} times (M5)`)
  }

  async function probe(): Promise<void> {
    await calmDown()
    await rest()
    for (const guest of [...sandboxes.guests]) {
      if (kernel.status(guest.plugin).stage !== 'active') continue
      for (const what of ['one', 'two', 'three', '*']) await compare(guest, callLab(guest, 'act', what))
    }
  }

  async function compare(guest: ScriptedGuest, call: Call): Promise<void> {
    const [expected] = [...verdictsOf(guest, call.permission)]
    await calm()
    const asked = approvals.find(({ plugin, permission }) => plugin === guest.plugin && permission === call.permission)
    if (asked) kernel.approvals.resolve(asked.id, { answer: 'deny', duration: 'once', by: 'test' })
    await calm()
    const decided = asked ? 'ask' : (VERDICTS[call.error ?? ''] ?? 'allow')
    if (decided !== expected || call.answers !== 1)
      finding(
        `${guest.plugin} asked for ${call.permission}: the kernel says ${decided} (${call.error}), the model ${expected} (M4)`,
      )
    readAudit()
  }

  async function end(): Promise<void> {
    await calmDown()
    await kernel.audit.flush()
    checkAudit()
    const stopping = kernel.stop()
    let stopped = false
    void stopping.then(() => {
      stopped = true
    })
    for (let round = 0; round < 50 && !stopped; round++) {
      await calm()
      clock.jump(1_000)
    }
    if (!stopped) finding('the kernel did not stop')
    await calm()
    clock.jump(60_000)
    if (lab.open.size > 0) finding(`${[...lab.open].map(({ what }) => what).join(', ')} left open (M5)`)
    if (sandboxes.guests.size > 0) finding('guests are left (M5)')
    if (clock.pending > 0) finding(`${clock.pending} timers are left (M5)`)
  }

  /** M3 */
  function checkAudit(): void {
    const counts = new Map<string, number>()
    for (const line of sink.lines) {
      const { act, outcome, trace } = JSON.parse(line) as { act: string; outcome: string; trace: string }
      if (!/^(lab\.|service\.call|tool\.call)/.test(act)) continue
      counts.set(trace, (counts.get(trace) ?? 0) + 1)
      if (outcome === 'allowed' && act.startsWith('lab.') && !lab.executed.includes(trace))
        finding(`the log says ${trace} was allowed, and nobody did it (M3)`)
    }
    for (const token of [...lab.executed, ...new Set(provided)])
      if (counts.get(token) !== 1) finding(`${token} stands ${counts.get(token) ?? 0} times in the log (M3)`)
  }
}

const VERDICTS: Record<string, Verdict> = {
  PERMISSION_UNDECLARED: 'undeclared',
  PERMISSION_DENIED: 'deny',
  PERMISSION_REVOKED: 'deny',
}

/** What each plugin declares; the narrow version asks for less. */
function manifestOf(name: Name, narrow: boolean) {
  const next = NEIGHBOUR[name]
  return parseManifest(
    {
      name: `pryx-plugin-${name}`,
      version: narrow ? '1.1.0' : '1.0.0',
      pryx: {
        engine: '^1.0.0',
        entry: 'plugin.js',
        permissions: [
          'lab:one',
          ...(narrow ? [] : ['lab:two']),
          ...(name === 'b' ? ['lab:*'] : []),
          `tools:tool-${next}`,
        ],
        optional: { [`svc-${next}`]: '^1.0.0' },
        provides: { [`svc-${name}`]: '1.0.0' },
        tools: [{ name: `tool-${name}`, description: 'for tests' }],
        hooks: ['before:tool.call'],
        events: { listens: ['beat.*'], emits: name === 'c' ? [] : ['beat.*'] },
      },
    },
    'package.json',
  )
}

const packages = new Map<string, { pkg: PluginPackage; declared: string[] }>()

function packageOf(name: Name, narrow: boolean): PluginPackage {
  return known(`${name} ${narrow}`).pkg
}

function known(code: string): { pkg: PluginPackage; declared: string[] } {
  const found = packages.get(code)
  if (found) return found
  const [name, narrow] = code.split(' ') as [Name, string]
  const manifest = manifestOf(name, narrow === 'true')
  const pkg: PluginPackage = {
    manifest,
    folder: `/p/${name}`,
    revision: code,
    code: async () => code,
    mapStack: (stack) => stack,
  }
  const made = { pkg, declared: declaredPermissions(manifest) }
  packages.set(code, made)
  return made
}

function declaredOf(guest: ScriptedGuest): string[] {
  return known(guest.spec.code).declared
}

/** What histories grant and take back. */
export function permissionsOf(name: Name): string[] {
  return [...known(`${name} false`).declared, 'lab:one', 'lab:*']
}
