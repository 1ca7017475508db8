// plugins/log-monitor/src/incident.ts: from lines to incidents: what matched, with what stood before it and the stack trace after it. Pure.
//   I1  A stack trace is one incident: its lines belong to the line that opened it and raise nothing themselves, also across scans.
import type { Pattern, Severity } from './patterns.ts'

const BEFORE = 2 // lines of context before
const AFTER = 20 // lines of a trace that are kept
const MAX_TRACE = 500 // lines after which a trace is over, whatever they look like
const CLIP = 500 // characters of a line in an alert

export interface Incident {
  readonly pattern: string
  readonly severity: Severity
  readonly line: string
  readonly lineNumber: number | undefined
  /** Lines before it and, after it, the lines of its stack trace. */
  readonly before: string[]
  readonly after: string[]
}

/** What is remembered between scans of a file. */
export interface Watch {
  /** Line number of the last line read; undefined where reading began in the middle. */
  lineNumber: number | undefined
  recent: string[]
  /** The kind of trace that goes on, and how many lines of it were read. */
  trace: { kind: Kind; lines: number } | undefined
}

type Kind = 'indented' | 'python' | 'go'

/** Reads on. `watch` is changed in place. */
export function findIncidents(watch: Watch, lines: readonly string[], patterns: readonly Pattern[]): Incident[] {
  const incidents: Incident[] = []
  for (const line of lines) {
    if (watch.lineNumber !== undefined) watch.lineNumber++
    if (!goesOn(watch, line, incidents.at(-1))) open(line)
    watch.recent = [...watch.recent, clip(line)].slice(-BEFORE)
  }
  return incidents

  function open(line: string): void {
    const pattern = patterns.find((each) => each.matches(line))
    watch.trace = pattern && { kind: kindOf(line), lines: 0 }
    if (pattern === undefined) return
    const { name, severity } = pattern
    const before = watch.recent
    incidents.push({ pattern: name, severity, line: clip(line), lineNumber: watch.lineNumber, before, after: [] })
  }
}

/** True if the line belongs to the trace that is open (I1); closes the trace if not. */
function goesOn(watch: Watch, line: string, incident: Incident | undefined): boolean {
  const { trace } = watch
  if (trace === undefined) return false
  const verdict = trace.lines >= MAX_TRACE ? 'no' : belongs(trace.kind, line, trace.lines)
  if (verdict !== 'yes') watch.trace = undefined
  if (verdict === 'no') return false
  trace.lines++
  if (incident && incident.after.length < AFTER) incident.after.push(clip(line))
  return true
}

function belongs(kind: Kind, line: string, read: number): 'yes' | 'last' | 'no' {
  if (kind === 'python') return pythonTrace(line)
  if (/^\s+\S/.test(line) || /^(?:Caused by: |Suppressed: |\.\.\. \d+ more)/.test(line)) return 'yes'
  if (kind === 'go') return /^$|^goroutine \d|^[\w./*()-]+\(.*\)$|^\[signal |^created by /.test(line) ? 'yes' : 'no'
  // Python's next part of a chained trace comes after an empty line; other languages end there.
  return read > 0 && /^During handling of|^The above exception/.test(line) ? 'yes' : 'no'
}

/** Indented frames, then one line at the margin that names the error. */
function pythonTrace(line: string): 'yes' | 'last' | 'no' {
  if (/^\s+\S/.test(line)) return 'yes'
  return /^[A-Za-z_][\w.]*(?:: |$)/.test(line) ? 'last' : 'no'
}

function kindOf(line: string): Kind {
  if (line.includes('Traceback (most recent call last)')) return 'python'
  return /\bpanic: /.test(line) ? 'go' : 'indented'
}

function clip(line: string): string {
  return line.length > CLIP ? `${line.slice(0, CLIP - 1)}…` : line
}
