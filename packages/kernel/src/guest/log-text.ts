// packages/kernel/src/guest/log-text.ts: the parts of a log line as one bounded text. Never throws.
import { failureToJson } from './failure.ts'

const MAX_LINE = 16_384 // characters

export function logText(parts: readonly unknown[]): string {
  const line = parts.map(partText).join(' ')
  return line.length <= MAX_LINE ? line : `${line.slice(0, MAX_LINE - 1)}…`
}

function partText(part: unknown): string {
  if (typeof part === 'string') return part
  try {
    return describe(part)
  } catch {
    return '[unreadable]'
  }
}

function describe(part: unknown): string {
  if (typeof part !== 'object' || part === null) return typeof part === 'symbol' ? part.toString() : String(part)
  if (part instanceof Error) {
    const { name, code, message, stack } = failureToJson(part)
    return stack ?? `${name} [${code}]: ${message}`
  }
  if (part instanceof Map || part instanceof Set)
    return `${part instanceof Map ? 'Map' : 'Set'} ${JSON.stringify([...part])}`
  return JSON.stringify(part, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value)) ?? String(part)
}
