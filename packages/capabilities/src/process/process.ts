// packages/capabilities/src/process/process.ts: the capability `process`: long-running child processes, owned by the plugin that started them (K11, L2).
//   P1  A plugin sees and touches its own processes only.
//   P2  A process ends with the instance that started it, with its grant, with the host, and at the latest when a next host starts.
//   P3  What is read from a process, written to it or waited for stands on the permission it was started under. To see its own
//       list and to stop needs none: they give no power, and what has lost its grant is in no list any more.
//   P4  Releases run one after the other, but the processes of an instance end together: 16 stubborn ones take no longer than one.
import { randomBytes } from 'node:crypto'
import {
  type Capability,
  type CapabilityCall,
  CapabilityError,
  type CapabilityMethod,
  defineMethod,
  type PluginId,
  type PluginPlace,
  type Release,
} from '@pryx/kernel/contract'
import { z } from 'zod'
import { type Child, type Exit, endingOf, startChild } from '../shell/child.ts'
import {
  commandArgs,
  commandCwd,
  commandEnv,
  commandName,
  type HostEnvironment,
  prepareCommand,
} from '../shell/command.ts'
import { commandRest, coversCommand, createCommandGrammar } from '../shell/grammar.ts'
import { startFailed } from '../shell/shell.ts'
import { createLines, type Lines } from './lines.ts'
import { createRecords, type Records } from './records.ts'

const MAX_RUNNING = 16 // of one plugin
const MAX_ENDED = 32 // kept for their output
const MAX_LINES = 100 // of one answer
const MAX_LISTED = 100

export interface ProcessOptions {
  /** Where notes for `reapLeftovers` are kept. Without it a killed host's leftovers are found by nobody. */
  recordFolder?: string
  /** Default: this process's own environment. */
  host?: HostEnvironment
  /** Epoch ms. Default: the machine's clock. */
  now?: () => number
}

export interface ProcessStatus {
  id: string
  command: string
  args: string[]
  tags: string[]
  pid: number
  state: 'running' | 'ended'
  /** Epoch ms. */
  startedAt: number
  endedAt?: number
  exitCode?: number
  signal?: string
}

interface Owned {
  plugin: PluginId
  status: ProcessStatus
  child: Child
  lines: Lines
  /** The permission it was started under. */
  rest: string
  /** Ends it as befits why. */
  end(): Promise<void>
  release: Release
  /** Its instance has ended, or its grant: it will be released. */
  isDoomed(): boolean
}

const startRequest = z.strictObject({
  command: commandName,
  args: commandArgs,
  cwd: commandCwd,
  env: commandEnv,
  tags: z.array(z.string().min(1).max(64)).max(16).optional(),
})
const id = z.string().max(64)

/** Disposing it ends every process that is left. */
export function createProcessCapability(options: ProcessOptions = {}): Capability {
  const { recordFolder, host = { env: process.env }, now = Date.now } = options
  const { parse, consent } = createCommandGrammar('process', 'keep running')
  const table = new Map<string, Owned>()
  const start = createStarter({ table, host, now, records: createRecords(recordFolder) })
  return {
    name: 'process',
    version: '1.0.0',
    summary: 'Long-running programs of this machine',
    parse,
    covers: coversCommand,
    consent,
    methods: {
      start: defineMethod({
        input: z.tuple([startRequest]),
        access: ([{ command, args = [] }]) => [commandRest(command, args)],
        run: ([request], call) => start(request, call),
        redact: ([{ command, args = [] }]) => `${command} (${args.length} arguments)`,
      }),
      ...tableMethods(table),
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...table.values()].map(({ release }) => release()))
    },
  }
}

interface StarterOptions {
  table: Map<string, Owned>
  host: HostEnvironment
  now: () => number
  records: Records
}

function createStarter({ table, host, now, records }: StarterOptions) {
  return async (request: z.infer<typeof startRequest>, call: CapabilityCall): Promise<ProcessStatus> => {
    const { command, args = [], tags = [] } = request
    call.signal.throwIfAborted()
    makeRoom(table, call.plugin)
    const mark = randomBytes(12).toString('hex')
    const child = startChild(prepareCommand(request, call.place, host), args, mark)
    const { pid } = child.process
    if (pid === undefined) throw startFailed(command, (await child.exited).error ?? new Error('unknown'))
    records.add(mark, pid)
    const status: ProcessStatus = {
      id: `process-${mark.slice(0, 12)}`,
      command,
      args,
      tags,
      pid,
      state: 'running',
      startedAt: now(),
    }
    const owned: Owned = {
      plugin: call.plugin,
      status,
      child,
      lines: gather(child, now),
      rest: commandRest(command, args),
      end: () => child.end(endingOf(call)),
      release: () => finish(),
      isDoomed: () => isOver(call),
    }
    table.set(status.id, owned)
    void child.exited.then(async (exit) => {
      settle(status, exit, now())
      await child.end() // what it left running
      records.remove(mark)
    })
    try {
      owned.release = call.effect(() => finish)
    } catch (error) {
      await finish() // the call ended while the program began
      throw error
    }
    return { ...status }

    async function finish(): Promise<void> {
      table.delete(status.id)
      for (const each of table.values()) if (each.plugin === call.plugin && each.isDoomed()) void each.end() // P4
      await owned.end()
      owned.lines.end()
      records.remove(mark)
    }
  }
}

/** True once nothing can be owned by the call any more. */
function isOver(call: CapabilityCall): boolean {
  try {
    void call.effect(() => () => {})()
    return false
  } catch {
    return true
  }
}

function tableMethods(table: Map<string, Owned>): Record<string, CapabilityMethod<never>> {
  const none = () => []
  const started = (id: string, { plugin }: PluginPlace) => [find(id, plugin).rest] // P3
  return {
    list: defineMethod({
      input: z.tuple([z.strictObject({ tag: z.string().optional() }).optional()]),
      access: none,
      run: async ([{ tag } = {}], { plugin }) =>
        ownedBy(plugin)
          .map(({ status }) => ({ ...status }))
          .filter(({ tags }) => tag === undefined || tags.includes(tag))
          .slice(-MAX_LISTED),
    }),
    lines: defineMethod({
      input: z.tuple([id, z.strictObject({ max: z.number().int().min(1).max(MAX_LINES).optional() }).optional()]),
      access: ([id], place) => started(id, place),
      run: async ([id, { max = MAX_LINES } = {}], { plugin }) => find(id, plugin).lines.last(max),
    }),
    output: defineMethod({
      input: z.tuple([id]),
      access: ([id], place) => started(id, place),
      run: async ([id], { plugin }) => find(id, plugin).lines.follow(),
    }),
    write: defineMethod({
      input: z.tuple([
        id,
        z.union([z.string(), z.instanceof(Uint8Array)]),
        z.strictObject({ end: z.boolean().optional() }).optional(),
      ]),
      access: ([id], place) => started(id, place),
      run: async ([id, data, { end = false } = {}], { plugin }) => write(find(id, plugin), data, end),
      redact: ([id]) => id,
    }),
    wait: defineMethod({
      input: z.tuple([id]),
      access: ([id], place) => started(id, place),
      timeoutMs: 0,
      async run([id], { plugin, signal }) {
        const { child, status } = find(id, plugin)
        const aborted = Promise.withResolvers<never>()
        const abort = () => aborted.reject(signal.reason)
        signal.addEventListener('abort', abort, { once: true })
        await Promise.race([child.exited, aborted.promise]).finally(() => signal.removeEventListener('abort', abort))
        return { ...status }
      },
    }),
    stop: defineMethod({
      input: z.tuple([id]),
      access: none,
      async run([id], { plugin }) {
        const { child, status } = find(id, plugin)
        await child.end()
        await child.exited
        return { ...status }
      },
    }),
  }

  function ownedBy(plugin: PluginId): Owned[] {
    return [...table.values()].filter((owned) => owned.plugin === plugin)
  }

  function find(id: string, plugin: PluginId): Owned {
    const owned = table.get(id)
    if (owned?.plugin === plugin) return owned // P1
    throw new CapabilityError('PROCESS_UNKNOWN', `the plugin has no process ${id}`, {
      id,
      hint: '`list` names them; one that ended is kept for a while only.',
    })
  }
}

/** Forgets the oldest that have ended. @throws PROCESS_TOO_MANY. */
function makeRoom(table: Map<string, Owned>, plugin: PluginId): void {
  const own = [...table.values()].filter((owned) => owned.plugin === plugin)
  const ended = own.filter(({ status }) => status.state === 'ended')
  if (own.length - ended.length >= MAX_RUNNING)
    throw new CapabilityError('PROCESS_TOO_MANY', `a plugin keeps at most ${MAX_RUNNING} processes running`, {
      max: MAX_RUNNING,
      hint: 'Stop one first.',
    })
  for (const { release } of ended.slice(0, Math.max(0, ended.length - MAX_ENDED + 1))) void release()
}

function gather(child: Child, now: () => number): Lines {
  const lines = createLines(now)
  const outputs = [child.process.stdout!, child.process.stderr!]
  let open = outputs.length
  for (const [i, output] of outputs.entries()) {
    output.on('data', (chunk: Buffer) => lines.write(i === 0 ? 'stdout' : 'stderr', chunk))
    output.on('error', () => {})
    output.once('close', () => --open === 0 && lines.end())
  }
  return lines
}

function settle(status: ProcessStatus, { exitCode, signal }: Exit, at: number): void {
  status.state = 'ended'
  status.endedAt = at
  if (exitCode !== undefined) status.exitCode = exitCode
  if (signal !== undefined) status.signal = signal
}

function write({ child, status }: Owned, data: string | Uint8Array, end: boolean): Promise<void> {
  const { stdin } = child.process
  if (status.state === 'ended' || !stdin?.writable)
    throw new CapabilityError('PROCESS_ENDED', `${status.command} takes no input any more`, { hint: 'Start it again.' })
  return new Promise((resolve, reject) => {
    stdin.write(data, (error) => (error ? reject(error) : resolve()))
    if (end) stdin.end()
  })
}
