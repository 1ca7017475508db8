// packages/capabilities/src/shell/shell.ts: the capability `shell`: runs a program to its end. Never a shell: arguments are a list (K4, K11).
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { type Capability, type CapabilityCall, CapabilityError, defineMethod } from '@pryx/kernel/contract'
import { z } from 'zod'
import { type Child, endingOf, startChild } from './child.ts'
import { commandArgs, commandCwd, commandEnv, commandName, type HostEnvironment, prepareCommand } from './command.ts'
import { commandRest, coversCommand, createCommandGrammar } from './grammar.ts'

const TIMEOUT_MS = 60_000
const MAX_TIMEOUT_MS = 600_000
const OUTPUT_BYTES = 131_072 // of each output; both must fit one message
const MAX_OUTPUT_BYTES = 262_144
const PIPE_MS = 1_000 // longest wait for the last output after the end

export interface RunResult {
  /** Absent after a signal. */
  exitCode: number | undefined
  signal: string | undefined
  /** UTF-8, the first `maxBytes` of it. */
  stdout: string
  stderr: string
  /** More was written than is told. */
  truncated: boolean
}

const request = z.strictObject({
  command: commandName,
  args: commandArgs,
  cwd: commandCwd,
  env: commandEnv,
  stdin: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
  timeoutMs: z.number().int().min(1).max(MAX_TIMEOUT_MS).optional(),
  maxBytes: z.number().int().min(0).max(MAX_OUTPUT_BYTES).optional(),
})
type RunRequest = z.infer<typeof request>

/** @param host Default: this process's own environment. */
export function createShellCapability(host: HostEnvironment = { env: process.env }): Capability {
  const { parse, consent } = createCommandGrammar('shell', 'run')
  return {
    name: 'shell',
    version: '1.0.0',
    summary: 'Programs of this machine, run to their end',
    parse,
    covers: coversCommand,
    consent,
    methods: {
      run: defineMethod({
        input: z.tuple([request]),
        access: ([{ command, args = [] }]) => [commandRest(command, args)],
        run: ([request], call) => runCommand(request, call, host),
        redact: ([{ command, args = [] }]) => `${command} (${args.length} arguments)`,
        timeoutMs: 0, // it has a limit of its own
      }),
    },
  }
}

async function runCommand(request: RunRequest, call: CapabilityCall, host: HostEnvironment): Promise<RunResult> {
  const { args = [], timeoutMs = TIMEOUT_MS, maxBytes = OUTPUT_BYTES, stdin } = request
  call.signal.throwIfAborted()
  const program = prepareCommand(request, call.place, host)
  const child = startChild(program, args, randomBytes(12).toString('hex'))
  const release = own(call, child)
  const limit = Promise.withResolvers<'late' | 'aborted'>()
  const timer = setTimeout(() => limit.resolve('late'), timeoutMs)
  const abort = () => limit.resolve('aborted')
  call.signal.addEventListener('abort', abort, { once: true })
  try {
    child.process.stdin?.end(stdin)
    const [stdout, stderr] = [collect(child.process.stdout!, maxBytes), collect(child.process.stderr!, maxBytes)]
    const exit = await Promise.race([child.exited, limit.promise])
    if (exit === 'aborted') throw call.signal.reason
    if (exit === 'late') throw timedOut(request.command, timeoutMs)
    if (exit.error) throw startFailed(request.command, exit.error)
    await child.end() // what it left running goes, and lets go of the pipes
    const [out, err] = await Promise.all([stdout.text(), stderr.text()])
    return {
      exitCode: exit.exitCode,
      signal: exit.signal,
      stdout: out,
      stderr: err,
      truncated: stdout.cut || stderr.cut,
    }
  } finally {
    clearTimeout(timer)
    call.signal.removeEventListener('abort', abort)
    await child.end(endingOf(call))
    await release()
  }
}

function own(call: CapabilityCall, child: Child): () => Promise<void> {
  try {
    const release = call.effect(() => () => child.end(endingOf(call)))
    return async () => release()
  } catch (error) {
    void child.end(endingOf(call)) // the call ended while the program began
    throw error
  }
}

function collect(stream: Readable, maxBytes: number): { text(): Promise<string>; readonly cut: boolean } {
  const chunks: Buffer[] = []
  let room = maxBytes
  let cut = false
  stream.on('data', (chunk: Buffer) => {
    if (chunk.byteLength > room) cut = true
    if (room > 0) chunks.push(chunk.subarray(0, room))
    room = Math.max(0, room - chunk.byteLength) // it is read on, so that the program can end
  })
  stream.on('error', () => {})
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()))
  return {
    /** Once all is read, or what still holds the pipe has had its time. */
    async text() {
      const timer = setTimeout(() => stream.destroy(), PIPE_MS)
      await closed
      clearTimeout(timer)
      return Buffer.concat(chunks).toString()
    },
    get cut() {
      return cut
    },
  }
}

function timedOut(command: string, ms: number): CapabilityError {
  return new CapabilityError('SHELL_TIMEOUT', `${command} ran longer than ${ms} ms and was ended`, {
    command,
    max: ms,
    hint: 'Raise timeoutMs, or use `process` for what runs long.',
  })
}

export function startFailed(command: string, error: Error): CapabilityError {
  const { code = '' } = error as { code?: string }
  return new CapabilityError('SHELL_START', `${command} could not start: ${code || error.message}`, {
    command,
    reason: code,
    hint: code === 'E2BIG' ? 'Hand it less, or through stdin.' : 'Check that the program runs for this user.',
  })
}
