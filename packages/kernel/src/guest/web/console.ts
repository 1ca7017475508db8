// packages/kernel/src/guest/web/console.ts: console, whose lines go to the host. @see https://console.spec.whatwg.org
import { sinceStart } from './clock.ts'
import { format } from './format.ts'
import { type WebLogLevel, webHost } from './host.ts'
import { inspect } from './inspect.ts'

const INDENT = 2

export function createConsole(): Record<string, unknown> {
  const counts = new Map<string, number>()
  const started = new Map<string, number>()
  let indent = ''
  const printer =
    (level: WebLogLevel) =>
    (...args: unknown[]) =>
      print(level, format(args))
  const group = (...args: unknown[]) => {
    if (args.length > 0) print('info', format(args))
    indent += ' '.repeat(INDENT)
  }
  const methods = {
    log: printer('info'),
    info: printer('info'),
    debug: printer('debug'),
    warn: printer('warn'),
    error: printer('error'),
    table: printer('info'),
    dirxml: printer('info'),
    dir: (value: unknown, options?: { depth?: number | null }) =>
      print('info', inspect(value, options?.depth ?? undefined)),
    trace: (...args: unknown[]) => print('debug', `Trace: ${format(args)}\n${stackHere()}`),
    assert: (condition: unknown, ...args: unknown[]) => {
      if (!condition) print('error', args.length > 0 ? `Assertion failed: ${format(args)}` : 'Assertion failed')
    },
    count: (label: unknown = 'default') => {
      const count = (counts.get(String(label)) ?? 0) + 1
      counts.set(String(label), count)
      print('info', `${String(label)}: ${count}`)
    },
    countReset: (label: unknown = 'default') => void counts.delete(String(label)),
    time: (label: unknown = 'default') => void started.set(String(label), sinceStart()),
    timeLog: (label: unknown = 'default', ...args: unknown[]) => printTime(String(label), args),
    timeEnd: (label: unknown = 'default') => {
      printTime(String(label), [])
      started.delete(String(label))
    },
    group,
    groupCollapsed: group,
    groupEnd: () => {
      indent = indent.slice(INDENT)
    },
    clear: () => {},
  }
  return Object.defineProperty({ ...methods }, Symbol.toStringTag, { value: 'console', configurable: true })

  function print(level: WebLogLevel, text: string): void {
    webHost().log(level, indent === '' ? text : indent + text.replaceAll('\n', `\n${indent}`))
  }

  function printTime(label: string, args: unknown[]): void {
    const from = started.get(label)
    if (from === undefined) print('warn', `No such label '${label}' for console.timeEnd()`)
    else print('info', format([`${label}: ${(sinceStart() - from).toFixed(1)}ms`, ...args]))
  }
}

function stackHere(): string {
  return String(new Error().stack ?? '')
    .split('\n')
    .slice(3)
    .join('\n')
}
