// packages/kernel/src/contract/pattern.ts: event names and the patterns that select them (K6).
//   A name is lower-case words joined by dots: `task.run.finished`. In a pattern `*` stands for one word and `**` for any number, none included.
const NAME = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*){0,7}$/i
const PATTERN = /^(\*\*?|[a-z][a-z0-9-]*)(\.(\*\*?|[a-z0-9][a-z0-9-]*)){0,7}$/i
const MAX_LENGTH = 128

export function isEventName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= MAX_LENGTH && NAME.test(name)
}

export function isEventPattern(pattern: unknown): pattern is string {
  return typeof pattern === 'string' && pattern.length <= MAX_LENGTH && PATTERN.test(pattern)
}

/** True if `pattern` selects `name`. A pattern may stand in for `name` too: then true if it selects all that one selects. */
export function matchesPattern(pattern: string, name: string): boolean {
  if (pattern === name || pattern === '**') return true
  if (!pattern.includes('*')) return false
  return matchWords(pattern.split('.'), name.split('.'), 0, 0)
}

function matchWords(pattern: string[], name: string[], p: number, n: number): boolean {
  if (p === pattern.length) return n === name.length
  const word = pattern[p]
  if (word === '**')
    return matchWords(pattern, name, p + 1, n) || (n < name.length && matchWords(pattern, name, p, n + 1))
  if (n === name.length || name[n] === '**') return false
  return (word === '*' || word === name[n]) && matchWords(pattern, name, p + 1, n + 1)
}
