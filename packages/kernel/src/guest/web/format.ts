// packages/kernel/src/guest/web/format.ts: the text that console methods print.
import { attempt, inspect } from './inspect.ts'

/** The text `console.log(...args)` prints: `%s %d %i %f %j %o %O %c %%` in the first argument, all else inspected. */
export function format(args: readonly unknown[]): string {
  const [first, ...rest] = args
  if (typeof first !== 'string') return args.map(plain).join(' ')
  const text =
    rest.length === 0
      ? first
      : first.replace(/%[sdifjoOc%]/g, (found) =>
          found === '%%' ? '%' : rest.length > 0 ? fill(found, rest.shift()) : found,
        )
  return [text, ...rest.map(plain)].join(' ')
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value)
}

function fill(directive: string, value: unknown): string {
  switch (directive) {
    case '%s':
      return typeof value === 'string' ? value : inspect(value, 1)
    case '%d':
      return typeof value === 'object'
        ? 'NaN'
        : typeof value === 'bigint'
          ? `${value}n`
          : String(Number(value as number))
    case '%i':
      return typeof value === 'object' ? 'NaN' : String(Number.parseInt(String(value), 10))
    case '%f':
      return String(Number.parseFloat(String(value)))
    case '%j':
      return attempt(() => JSON.stringify(value) ?? 'undefined')
    case '%c':
      return ''
    default:
      return inspect(value)
  }
}
