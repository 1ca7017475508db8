// packages/kernel/src/sandbox/pool.ts: which process a plugin lives in, and who watches that process (K3).
//   P1  A plugin lives in exactly one process. Placement: its group's shared process, or one of its own.
//   P2  A turn past its limit and a grace, a silence, or too much memory ends the process by SIGKILL, from here: nothing a guest does can delay it.
//   P3  A standby process is ready by the time one is lost: it is started when a turn runs long or a plugin fails, and
//       kept for a while, since trouble comes in rows. `always` keeps one from the start, for some 55 MB.
//   P4  What costs a process goes into a process of its own next time (quarantine).
import { LifecycleError, type Release, type Scope } from '../contract/index.ts'
import { addProcess, openProcessAccount, type ProcessAccount } from '../ledger/account.ts'
import type { Clock } from '../powers.ts'
import type { Guest, GuestEvents, GuestSpec, Sandboxes, SandboxProcess } from './sandbox.ts'

const WATCH_EVERY_MS = 50
const TURN_GRACE_MS = 100 // a turn past its own limit by this cannot be interrupted
const SILENT_MS = 1_000 // with something open and no turn to show for it
const LATE_MS = 250 // a look that comes this late says more of this process than of the others
const PING_EVERY_MS = 250 // and its memory is read
const STANDBY_AFTER_MS = 300 // start the spare once the first rush is over
const SUSPICIOUS_MS = 75 // a turn this long may be the one that never ends
const CALM_MS = 60_000 // without trouble for this long, the spare is let go
const RETIRE_AFTER_MS = 1_000 // an empty process of a quarantined plugin is kept for its restart, not longer

export interface PoolOptions {
  sandboxes: Sandboxes
  clock: Clock
  scope: Scope
  /** Resident memory of one process above which its heaviest guest is ended with it, bytes. */
  maxProcessBytes: number
  /** Whether a spare process is kept always, when there is cause, or never. */
  standby: 'always' | 'auto' | 'never'
  onReplaced(fact: { process: string; reason: string; culprit?: string | undefined; tookMs: number }): void
}

export interface Pool {
  /** Starts a guest in the process of `group`; `own` asks for a process of its own. */
  start(spec: GuestSpec, events: GuestEvents, place: { group: string; own: boolean }): Promise<Guest>
  processes(): readonly SandboxProcess[]
  /** What all processes used, those that are gone included. */
  account(): ProcessAccount
  /** Turns in all processes are timed one by one, or no longer. */
  trace(on: boolean): void
  /** Resolves once the standby is ready; for benches and tests. */
  settled(): Promise<void>
}

interface Slot {
  key: string
  process: SandboxProcess
  /** Heaviest guest last known, by plugin. */
  guests: Map<string, Guest>
  retire: Release
}

export function createPool(options: PoolOptions): Pool {
  const { sandboxes, clock, scope } = options
  const slots = new Map<string, Slot>()
  const spawned = new Set<SandboxProcess>()
  const gone = openProcessAccount()
  let tracing = false
  let spare: SandboxProcess | undefined
  let spareDue: Release | undefined
  let serial = 0
  let sincePing = 0
  let calm: Release = () => {}
  scope.effect(() => () => {
    for (const process of all()) process.kill({ code: 'SANDBOX_STOPPED', message: 'the host is stopping' })
  })
  watch()

  return { start, processes: all, account, trace, settled }

  function trace(on: boolean): void {
    tracing = on
    for (const process of spawned) process.trace(on)
  }

  function account(): ProcessAccount {
    const sum = openProcessAccount()
    addProcess(sum, gone)
    for (const process of spawned) addProcess(sum, process.account)
    return sum
  }

  async function start(spec: GuestSpec, events: GuestEvents, place: { group: string; own: boolean }): Promise<Guest> {
    const key = place.own ? `own:${spec.plugin}` : place.group // P1
    const slot = slots.get(key) ?? open(key)
    slot.retire()
    await slot.process.ready
    if (scope.closed) throw new LifecycleError('PLUGIN_HOST_STOPPING', 'the host is stopping')
    const current = slots.get(key)
    if (current !== slot) return start(spec, events, place) // it was lost while we waited
    const guest = slot.process.start(spec, {
      ...events,
      ended(end) {
        if (end.strike) suspect()
        events.ended(end)
      },
      left: () => leave(slot, spec.plugin, guest),
    })
    slot.guests.set(spec.plugin, guest)
    scheduleSpare()
    return guest
  }

  function open(key: string): Slot {
    const process = spare ?? spawn()
    spare = undefined
    const slot: Slot = { key, process, guests: new Map(), retire: () => {} }
    slots.set(key, slot)
    return slot
  }

  function leave(slot: Slot, plugin: string, guest: Guest): void {
    if (slot.guests.get(plugin) === guest) slot.guests.delete(plugin)
    if (slot.guests.size > 0 || !slot.key.startsWith('own:') || scope.closed) return
    slot.retire()
    slot.retire = clock.after(RETIRE_AFTER_MS, () => {
      if (slot.guests.size > 0 || slots.get(slot.key) !== slot) return
      slots.delete(slot.key)
      slot.process.kill({ code: 'SANDBOX_EMPTY', message: 'nothing lives in it any more' })
    })
  }

  function spawn(): SandboxProcess {
    const name = `sandbox-${++serial}`
    const process: SandboxProcess = sandboxes.spawn(name, {
      slow: suspect,
      stuck: (plugin, end) => replace(process, { ...end, culprit: plugin }),
      exited: (reason, culprit) => lost(process, reason, culprit),
      closed: () => {
        if (spawned.delete(process)) addProcess(gone, process.account)
      },
    })
    spawned.add(process)
    if (tracing) process.trace(true)
    process.ready.catch(() => {}) // whoever waits for it is told; a spare nobody waits for is simply gone
    return process
  }

  /** There is cause to expect that a process will be lost. */
  function suspect(): void {
    if (options.standby !== 'auto' || scope.closed) return
    void calm()
    calm = clock.after(CALM_MS, dismiss)
    spare ??= spawn() // P3
  }

  function dismiss(): void {
    const idle = spare
    spare = undefined
    idle?.kill({ code: 'SANDBOX_EMPTY', message: 'all is calm' })
  }

  function scheduleSpare(): void {
    if (options.standby !== 'always' || spare || spareDue || scope.closed) return
    spareDue = clock.after(STANDBY_AFTER_MS, () => {
      spareDue = undefined
      if (!scope.closed) spare ??= spawn() // P3
    })
  }

  /** Ends a process and makes room at once: its slot takes the spare, where the guests start again. */
  function replace(
    process: SandboxProcess,
    reason: { code: string; message: string; culprit?: string | undefined },
  ): void {
    const slot = slotOf(process)
    if (slot) slots.delete(slot.key)
    if (spare === process) spare = undefined
    const startedAt = clock.now()
    process.kill(reason)
    options.onReplaced({
      process: process.name,
      reason: reason.message,
      culprit: reason.culprit,
      tookMs: clock.now() - startedAt,
    })
    scheduleSpare()
    suspect()
  }

  function lost(process: SandboxProcess, reason: string, culprit?: string): void {
    const slot = slotOf(process)
    const known = slot !== undefined || spare === process
    if (slot) slots.delete(slot.key)
    if (spare === process) spare = undefined
    if (!known || scope.closed) return
    options.onReplaced({ process: process.name, reason, culprit, tookMs: 0 })
    scheduleSpare()
    suspect()
  }

  function slotOf(process: SandboxProcess): Slot | undefined {
    for (const slot of slots.values()) if (slot.process === process) return slot
    return undefined
  }

  function all(): SandboxProcess[] {
    const list = [...slots.values()].map((slot) => slot.process)
    return spare ? [...list, spare] : list
  }

  // ── the watchdog (P2) ────────────────────────────────────────────────────────────────────────────────────────────

  function watch(): void {
    if (scope.closed) return
    let stop: Release = () => {}
    const leaveScope = scope.effect(() => () => stop())
    let due = clock.now() + WATCH_EVERY_MS
    const tick = () => {
      // A host that was busy or asleep has not read the answers that wait for it: no silence of theirs.
      if (clock.now() - due > LATE_MS) for (const { process } of slots.values()) process.forgiveSilence()
      due = clock.now() + WATCH_EVERY_MS
      sincePing += WATCH_EVERY_MS
      const ping = sincePing >= PING_EVERY_MS
      if (ping) sincePing = 0
      for (const slot of [...slots.values()]) inspect(slot, ping)
      if (!scope.closed) stop = clock.after(WATCH_EVERY_MS, tick)
      else void leaveScope()
    }
    stop = clock.after(WATCH_EVERY_MS, tick)
  }

  function inspect(slot: Slot, ping: boolean): void {
    const { process } = slot
    const turn = process.turnNow()
    if (turn && turn.ms > SUSPICIOUS_MS) suspect()
    if (turn && turn.ms > turn.limitMs + TURN_GRACE_MS) {
      const message = `a turn of ${turn.plugin} ran for ${Math.round(turn.ms)} ms and could not be interrupted (limit ${turn.limitMs} ms)`
      return replace(process, { code: 'SANDBOX_STUCK', message, culprit: turn.plugin })
    }
    if (turn === undefined && process.silentMs() > SILENT_MS / 2) suspect()
    if (turn === undefined && process.silentMs() > SILENT_MS)
      return replace(process, {
        code: 'SANDBOX_SILENT',
        message: `${process.name} has not answered for ${SILENT_MS} ms`,
      })
    if (!ping) return
    process.ping()
    const resident = process.residentBytes()
    if (resident > options.maxProcessBytes / 2) suspect()
    if (resident <= options.maxProcessBytes) return
    const culprit = turn?.plugin ?? heaviest(slot)
    const message = `${process.name} holds ${mib(resident)} MiB (limit ${mib(options.maxProcessBytes)} MiB)`
    replace(process, { code: 'SANDBOX_PROCESS_MEMORY', message, culprit })
  }

  function heaviest(slot: Slot): string | undefined {
    let plugin: string | undefined
    let most = -1
    for (const [name, guest] of slot.guests) {
      if (guest.account.heapBytes <= most) continue
      most = guest.account.heapBytes
      plugin = name
    }
    return plugin
  }

  async function settled(): Promise<void> {
    await Promise.all(all().map((process) => process.ready))
  }
}

function mib(bytes: number): number {
  return Math.round(bytes / 1_048_576)
}
