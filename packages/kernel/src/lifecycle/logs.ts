// packages/kernel/src/lifecycle/logs.ts: the last lines of each plugin, bounded in number and in rate.
//   G1  At most KEEP lines a plugin. Past RATE lines a second the rest is counted and told in one line.
import type { LogLevel, PluginId } from '../contract/index.ts'
import type { Clock } from '../powers.ts'

const KEEP = 500
const RATE = 200 // lines a second and plugin

export interface LogLine {
  at: number
  level: LogLevel
  text: string
  /** Where it was written: file, line, column. */
  place?: string
}

export interface Logs {
  /** Keeps a line; false if it was over the rate and only counted. */
  add(plugin: PluginId, level: LogLevel, text: string, place?: string): boolean
  /** Oldest first. */
  of(plugin: PluginId): readonly LogLine[]
  forget(plugin: PluginId): void
}

interface Book {
  lines: LogLine[]
  second: number
  inSecond: number
  left: number
}

export function createLogs(clock: Clock): Logs {
  const books = new Map<PluginId, Book>()
  return {
    add(plugin, level, text, place) {
      const book = bookOf(plugin)
      const at = clock.now()
      const second = Math.floor(at / 1_000)
      if (second !== book.second) {
        if (book.left > 0) push(book, { at, level: 'warn', text: `${book.left} more lines were left out` })
        Object.assign(book, { second, inSecond: 0, left: 0 })
      }
      if (++book.inSecond > RATE) {
        book.left++
        return false
      }
      push(book, { at, level, text, ...(place && { place }) })
      return true
    },
    of: (plugin) => books.get(plugin)?.lines ?? [],
    forget: (plugin) => void books.delete(plugin),
  }

  function bookOf(plugin: PluginId): Book {
    let book = books.get(plugin)
    if (book === undefined) {
      book = { lines: [], second: 0, inSecond: 0, left: 0 }
      books.set(plugin, book)
    }
    return book
  }

  function push({ lines }: Book, line: LogLine): void {
    lines.push(line)
    if (lines.length > KEEP) lines.shift()
  }
}
