// plugins/agent/src/loop/tools.ts: calls of tools that one answer asks for, some at a time, each through the kernel's gate and hooks.
import { PryxError, type ToolFacts } from '@pryx/sdk'
import type { Ports } from '../ports.ts'
import { textOf, wireName } from '../prompt/messages.ts'

const TOOL_MS = 300_000
const MAX_KEPT = 60_000 // characters of a result in the log
const MAX_NAME = 64 // what providers take

export interface Call {
  readonly call: string
  readonly name: string
  readonly input: unknown
}

export interface Outcome {
  output: unknown
  outcome: 'ok' | 'failed' | 'refused'
}

/** Tools as a provider is told of them, and which tool each name means. */
export function describeTools(tools: readonly ToolFacts[]) {
  const byWire = new Map<string, ToolFacts>()
  for (const tool of tools) {
    const name = wireName(tool.name)
    if (name.length <= MAX_NAME && !byWire.has(name)) byWire.set(name, tool)
  }
  const described = [...byWire].map(([name, { description, input }]) => ({
    name,
    description: description.slice(0, 8_000),
    inputSchema: { ...(typeof input === 'object' && input !== null && input), type: 'object' } as Record<
      string,
      unknown
    >,
  }))
  const owners = new Map(tools.map(({ name, plugin }) => [name, plugin]))
  const nameOf = (wire: string) => byWire.get(wire)?.name ?? wire
  return { described, nameOf, ownerOf: (tool: string) => owners.get(tool) }
}

/** Runs all calls, at most `limit` at once; `done` is awaited for each as it ends. */
export async function runCalls(
  tools: Ports['tools'],
  calls: readonly Call[],
  {
    limit,
    signal,
    done,
  }: { limit: number; signal: AbortSignal; done: (call: Call, outcome: Outcome) => Promise<void> },
): Promise<void> {
  const left = [...calls]
  const worker = async () => {
    for (let call = left.shift(); call !== undefined; call = left.shift()) {
      signal.throwIfAborted()
      const outcome = await runCall(tools, call, signal)
      signal.throwIfAborted() // cut off: whether it took effect is not known
      await done(call, outcome)
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, calls.length) }, worker))
}

async function runCall(tools: Ports['tools'], { name, input }: Call, signal: AbortSignal): Promise<Outcome> {
  try {
    return { output: kept(await tools.call(name, input, { signal, timeoutMs: TOOL_MS })), outcome: 'ok' }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const refused = code.startsWith('PERMISSION_') || code.startsWith('HOOK_')
    return { output: messageOf(error).slice(0, 2_000), outcome: refused ? 'refused' : 'failed' }
  }
}

/** Plain data, small enough for the log. */
function kept(output: unknown): unknown {
  try {
    const text = JSON.stringify(output) ?? 'null'
    return text.length <= MAX_KEPT ? JSON.parse(text) : textOf(output)
  } catch {
    return String(output).slice(0, MAX_KEPT)
  }
}

export function messageOf(error: unknown): string {
  if (PryxError.is(error) && error.hint) return `${error.message} ${error.hint}`
  return error instanceof Error ? error.message : String(error)
}
