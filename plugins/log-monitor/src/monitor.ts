// plugins/log-monitor/src/monitor.ts: looks at the files, raises alerts, remembers how far it got.
//   M1  Where reading stands and the alerts found on the way are stored together: a restart repeats and misses nothing.
//   M2  An alert is told after it is stored, at least once; `told` remembers the last.
//   M3  A file that cannot be read is reported once and left alone for a while; it never stops the others, and reading goes on where it stood.
//   M4  One scan at a time, in bounded pieces; further wishes are one scan more.
import { type Alert, alertEvents } from './events.ts'
import { findIncidents, type Incident, type Watch } from './incident.ts'
import { type Carry, flushCarry, NOTHING, splitLines } from './lines.ts'
import type { Pattern } from './patterns.ts'
import type { Ports, StorageOp } from './ports.ts'
import { type Known, type Raised, release, weigh } from './repeats.ts'
import { type Mark, type Piece, readPiece } from './tail.ts'

export const KEPT_ALERTS = 500
const MAX_PIECES = 64 // of one file in one scan
const MAX_ALERTS = 20 // of one piece; the rest become one alert
const RETRY_MS = 600_000 // how long a blocked file is left alone
const IDLE_LINE_MS = 5_000 // a line without an end is taken as it is after this
const MAX_ANSWER = 400_000 // characters of one answer
const SLOW_MS = 200 // one pattern's time in one scan

export interface WatchedFile {
  readonly path: string
  readonly from: 'start' | 'end'
  readonly patterns: readonly Pattern[]
}

/** What is stored for each file. */
interface FileState {
  mark: Mark | undefined
  carry: Carry
  /** When the line in `carry` last grew, epoch ms. */
  carryAt: number
  watch: Watch
  /** The code of what blocks it. */
  blocked: string | undefined
}

interface Found {
  lines: number
  alerts: number
}

export type Monitor = ReturnType<typeof createMonitor>

export function createMonitor(ports: Ports, files: readonly WatchedFile[], cooldownMs: number) {
  const { storage, source, clock } = ports
  const retryAt = new Map<string, number>()
  const disabled = new Set<Pattern>()
  let repeats = new Map<string, Known>()
  let seq = 0
  let scanning: Promise<Found> | undefined
  let waiting: Promise<Found> | undefined
  return { start, scan, retry, recheck, alerts }

  /** Reads what was remembered and tells what was not told before the last life ended (M2). */
  async function start(): Promise<void> {
    await recall()
    const told = (await storage.get<number>('told')) ?? 0
    const untold = (await newest(Math.min(KEPT_ALERTS, seq - told))).reverse()
    await tell(untold)
  }

  async function recall(): Promise<void> {
    repeats = new Map((await storage.get<[string, Known][]>('repeats')) ?? [])
    seq = (await storage.get<number>('seq')) ?? 0
  }

  /** Looks at all files. Calls during a scan share the one after it (M4). */
  function scan(): Promise<Found> {
    if (scanning === undefined) {
      scanning = scanAll().finally(() => {
        scanning = undefined
      })
      return scanning
    }
    waiting ??= scanning
      .catch(() => {})
      .then(() => {
        waiting = undefined
        return scan()
      })
    return waiting
  }

  /** A permission was granted: looks at blocked files at once. */
  function retry(): Promise<Found> {
    retryAt.clear()
    return scan()
  }

  /** A permission was taken back: a watch that stood on it has ended, also if it has been granted again since. */
  function recheck(): Promise<Found> {
    for (const { path } of files) ports.unwatch(path)
    return scan()
  }

  /** Newest first; fewer than `limit` where they would not fit into one message. */
  async function alerts(limit: number): Promise<Alert[]> {
    let room = MAX_ANSWER
    return (await newest(limit)).filter((alert) => {
      room -= JSON.stringify(alert).length
      return room >= 0
    })
  }

  async function newest(limit: number): Promise<Alert[]> {
    if (limit < 1) return []
    return (await storage.list<Alert>({ prefix: 'alert/', reverse: true, limit })).map((entry) => entry.value)
  }

  async function scanAll(): Promise<Found> {
    const found = { lines: 0, alerts: 0 }
    for (const file of files) {
      if ((retryAt.get(file.path) ?? 0) > clock.now()) continue
      const state = await stateOf(file)
      try {
        await scanFile(file, state, found)
        if (state.blocked !== undefined) await unblock(file, state)
        await ports.watching(file.path)
      } catch (error) {
        await recall() // what was weighed and not stored did not happen (M1)
        if (codeOf(error).startsWith('STORAGE_')) throw error
        await block(file, state, error) // M3
      }
    }
    const late = release(repeats, clock.now(), cooldownMs)
    if (late.length > 0) found.alerts += await store(late, [])
    return found
  }

  async function scanFile(file: WatchedFile, state: FileState, found: Found): Promise<void> {
    for (let i = 0; i < MAX_PIECES; i++) {
      const piece = await readPiece(source, file.path, state.mark, file.from)
      const lines = linesOf(state, piece, clock.now())
      if (lines.length === 0 && piece.mark === state.mark) return
      const raised = findIncidents(state.watch, lines, timed(file.patterns)).flatMap((incident) =>
        weigh(repeats, file.path, incident, clock.now(), cooldownMs),
      )
      state.mark = piece.mark
      found.lines += lines.length
      found.alerts += await store(limited(file.path, raised), [{ op: 'set', key: `file/${file.path}`, value: state }]) // M1
      if (!piece.more) return
    }
  }

  async function stateOf(file: WatchedFile): Promise<FileState> {
    const known = await storage.get<FileState>(`file/${file.path}`)
    if (known) return known
    const watch: Watch = { lineNumber: file.from === 'start' ? 0 : undefined, recent: [], trace: undefined }
    return { mark: undefined, carry: NOTHING, carryAt: 0, watch, blocked: undefined }
  }

  /** Stores alerts together with `ops`, then tells them. @returns How many. */
  async function store(raised: Raised[], ops: StorageOp[]): Promise<number> {
    const at = clock.now()
    const fresh = raised.map(({ file, incident, count }, i) => toAlert(seq + i + 1, file, incident, count, at))
    const all: StorageOp[] = [...ops, { op: 'set', key: 'repeats', value: [...repeats] }]
    fresh.forEach((alert, i) => {
      all.push({ op: 'set', key: keyOf(seq + i + 1), value: alert })
      all.push({ op: 'delete', key: keyOf(seq + i + 1 - KEPT_ALERTS) })
    })
    if (fresh.length > 0) all.push({ op: 'set', key: 'seq', value: seq + fresh.length })
    await storage.batch(all, { durable: fresh.length > 0 })
    seq += fresh.length
    await tell(fresh)
    return fresh.length
  }

  async function tell(fresh: readonly Alert[]): Promise<void> {
    if (fresh.length === 0) return
    for (const alert of fresh)
      await ports
        .emit(alertEvents.raised, alert)
        .catch((error) => ports.warn(`${alert.id} could not be told: ${error}`))
    await storage.batch([{ op: 'set', key: 'told', value: seq }])
  }

  async function block(file: WatchedFile, state: FileState, error: unknown): Promise<void> {
    const code = codeOf(error)
    retryAt.set(file.path, clock.now() + RETRY_MS)
    ports.unwatch(file.path)
    // Read again: what was changed in memory since the last store did not happen (M1).
    const stored = await stateOf(file).catch(() => state)
    if (stored.blocked === code) return
    await storage.batch([{ op: 'set', key: `file/${file.path}`, value: { ...stored, blocked: code } }]).catch(() => {})
    const reason = error instanceof Error ? error.message : String(error)
    ports.warn(`${file.path} cannot be read: ${reason}`)
    await ports.emit(alertEvents.blocked, { file: file.path, code, reason, at: clock.now() }).catch(() => {})
  }

  async function unblock(file: WatchedFile, state: FileState): Promise<void> {
    state.blocked = undefined
    await storage.batch([{ op: 'set', key: `file/${file.path}`, value: state }])
    await ports.emit(alertEvents.unblocked, { file: file.path, at: clock.now() })
  }

  /** Patterns that switch themselves off when they take too long: the guard in patterns.ts is for the line, this is for the scan. */
  function timed(patterns: readonly Pattern[]): Pattern[] {
    return patterns.map((pattern) => {
      let spent = 0
      return {
        ...pattern,
        matches(line) {
          if (disabled.has(pattern)) return false
          const before = clock.now()
          const matches = pattern.matches(line)
          spent += clock.now() - before
          if (spent > SLOW_MS) {
            disabled.add(pattern)
            ports.warn(`pattern "${pattern.name}" took ${spent} ms and is switched off until the next start`)
          }
          return matches
        },
      }
    })
  }
}

/** The lines that a piece completes. `state` goes on to where the piece ends. */
function linesOf(state: FileState, piece: Piece, now: number): string[] {
  if (piece.text === '' && !piece.begins) return idleLine(state, now)
  const ended = piece.begins ? flushCarry(state.carry).lines : []
  if (piece.begins) state.watch = { lineNumber: 0, recent: [], trace: undefined }
  const split = splitLines(piece.begins ? NOTHING : state.carry, piece.text)
  state.carry = split.carry
  state.carryAt = now
  return [...ended, ...split.lines]
}

/** A last line without an end (a crash, a prompt) is not held back for ever. */
function idleLine(state: FileState, now: number): string[] {
  if (state.carry.text === '' || state.carry.full || now - state.carryAt < IDLE_LINE_MS) return []
  const { lines, carry } = flushCarry(state.carry)
  state.carry = carry
  return lines
}

function limited(file: string, raised: Raised[]): Raised[] {
  const rest = raised.slice(MAX_ALERTS)
  if (rest.length === 0) return raised
  const count = rest.reduce((sum, each) => sum + each.count, 0)
  const worst = rest.find((each) => each.incident.severity === 'critical') ?? rest[0]!
  const line = `${count} more lines look like trouble, such as: ${worst.incident.line}`.slice(0, 500)
  const incident: Incident = { ...worst.incident, pattern: 'flood', line, before: [], after: [] }
  return [...raised.slice(0, MAX_ALERTS), { file, incident, count }]
}

function toAlert(number: number, file: string, incident: Incident, count: number, at: number): Alert {
  const { pattern, severity, line, lineNumber, before, after } = incident
  const id = `alert-${number}`
  return {
    id,
    file,
    line,
    pattern,
    severity,
    count,
    at,
    before,
    after,
    ...(lineNumber !== undefined && { lineNumber }),
  }
}

function keyOf(number: number): string {
  return `alert/${String(Math.max(0, number)).padStart(12, '0')}`
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'ERROR'
}
