// plugins/log-monitor/src/patterns.ts: what trouble looks like, and which regular expressions may look for it.
//   R1  Matching a line takes bounded time: no nesting of quantifiers, at most two unbounded ones, and the more of them the less of the
//       line is searched. JavaScript cannot stop a regex; so it must not start one that does not stop.
import { UsageError } from '@pryx/sdk'
import { z } from 'zod'
import { MAX_LINE } from './lines.ts'

export const MAX_PATTERNS = 32
const MAX_SOURCE = 512 // characters of one regex
const MANY = 16 // repetitions from which a bounded quantifier counts as unbounded
const SEARCHED = [MAX_LINE, 4_096, 256] as const // characters of a line, by unbounded quantifiers (R1)

export const severitySchema = z.enum(['warning', 'error', 'critical'])
export type Severity = z.infer<typeof severitySchema>

export const patternSchema = z.strictObject({
  name: z.string().min(1).max(64),
  /** JavaScript regular expression, `u` flag, without slashes. */
  regex: z.string().min(1).max(MAX_SOURCE),
  severity: severitySchema.default('error'),
  ignoreCase: z.boolean().default(false),
})
export type PatternSpec = z.input<typeof patternSchema>

export interface Pattern {
  readonly name: string
  readonly severity: Severity
  matches(line: string): boolean
}

/** Tried in this order; the first that matches names the alert. */
export const DEFAULT_PATTERNS: readonly PatternSpec[] = [
  {
    name: 'out-of-memory',
    severity: 'critical',
    ignoreCase: true,
    regex: String.raw`\bout of memory\b|\boom[-_ ]?kill|OutOfMemoryError|\bENOMEM\b`,
  },
  {
    name: 'segfault',
    severity: 'critical',
    ignoreCase: true,
    regex: String.raw`\bsegfault\b|\bsegmentation fault\b|\bSIGSEGV\b`,
  },
  {
    name: 'panic',
    severity: 'critical',
    ignoreCase: true,
    regex: String.raw`\bpanic: |\bpanicked at\b|\bkernel panic\b`,
  },
  {
    name: 'fatal',
    severity: 'critical',
    regex: String.raw`\b(?:FATAL|CRITICAL|EMERG)\b|\blevel=(?:fatal|critical)\b|"level":\s?"(?:fatal|critical)"`,
  },
  { name: 'traceback', regex: String.raw`^Traceback \(most recent call last\):` },
  { name: 'exception', regex: String.raw`Exception\b|[A-Za-z]Error: |\bUncaught |\bUnhandled ` },
  {
    name: 'http-5xx',
    regex: String.raw`" 5\d\d (?:\d|-)|\bHTTP\/[\d.]{1,3} 5\d\d\b|\bstatus(?:_?code)?["']?[=:] ?5\d\d\b`,
  },
  {
    name: 'error',
    regex: String.raw`\bERROR\b|\blevel=error\b|"level":\s?(?:"error"|50\b|60\b)|\[error\]|^[Ee]rror: `,
  },
]

/** @throws ALERT_PATTERN for a regex that cannot be read or might take too long (R1). */
export function compilePattern(spec: PatternSpec): Pattern {
  const { name, regex, severity, ignoreCase } = patternSchema.parse(spec)
  const unbounded = countUnbounded(regex, name)
  const searched = SEARCHED[unbounded]
  if (searched === undefined) throw refused(name, regex, `more than ${SEARCHED.length - 1} unbounded quantifiers`)
  const compiled = compile(name, regex, ignoreCase ? 'iu' : 'u')
  return { name, severity, matches: (line) => compiled.test(line.length > searched ? line.slice(0, searched) : line) }
}

function compile(name: string, regex: string, flags: string): RegExp {
  try {
    return new RegExp(regex, flags)
  } catch (error) {
    throw refused(name, regex, error instanceof Error ? error.message : String(error))
  }
}

interface Group {
  /** Holds a quantifier that can repeat in more than one way, or alternatives that may overlap. */
  varies: boolean
  unbounded: boolean
}

/** Unbounded quantifiers in a regex. A small reader of the syntax: escapes, classes, groups, quantifiers. */
function countUnbounded(regex: string, name: string): number {
  const groups: Group[] = [{ varies: false, unbounded: false }]
  let last: Group | undefined // the group just closed, if the next quantifier would repeat it
  let count = 0
  for (let i = 0; i < regex.length; ) {
    const token =
      /^(?:\\k<|\\[1-9])|^\\[pPu]\{[^}]*\}|^\\[\s\S]|^\[(?:\\[\s\S]|[^\]\\])*\]|^\((?:\?(?:<?[=!]|<\w+>|:))?|^(?:[*+?]|\{\d+(?:,\d*)?\})\??|^[\s\S]/.exec(
        regex.slice(i),
      )![0]
    i += token.length
    if (/^\\(?:k<|[1-9])/.test(token)) throw refused(name, regex, 'a reference back to a group')
    if (token[0] === '(') groups.push({ varies: false, unbounded: false })
    if (token === '|') groups.at(-1)!.varies = true
    const most = repetitions(token)
    if (most !== undefined) {
      const isUnbounded = most > MANY
      if (last && most > 1 && (last.unbounded || (last.varies && isUnbounded)))
        throw refused(name, regex, 'a repeated group that itself holds repetition or alternatives')
      const group = groups.at(-1)!
      group.varies = true
      group.unbounded ||= isUnbounded
      if (isUnbounded) count++
    }
    last = undefined
    if (token === ')') {
      last = groups.length > 1 ? groups.pop()! : undefined
      const outer = groups.at(-1)!
      outer.varies ||= last?.varies ?? false
      outer.unbounded ||= last?.unbounded ?? false
    }
  }
  return count
}

/** The most a quantifier repeats; undefined if the token is none. */
function repetitions(token: string): number | undefined {
  if (/^[*+]/.test(token)) return Number.POSITIVE_INFINITY
  if (/^\?/.test(token)) return 1
  const bounds = /^\{(\d+)(,(\d*))?\}/.exec(token)
  if (bounds === null) return undefined
  if (bounds[2] === undefined) return Number(bounds[1])
  return bounds[3] ? Number(bounds[3]) : Number.POSITIVE_INFINITY
}

function refused(name: string, regex: string, reason: string): UsageError {
  return new UsageError('ALERT_PATTERN', `pattern "${name}" cannot be used: ${reason}`, {
    found: regex,
    hint: 'Use plain text, \\b, classes and short bounded repetition such as \\d{1,5}.',
  })
}
