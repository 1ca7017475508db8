// packages/pryx/src/terminal/code-frame.ts: the lines around a place in the author's sources, with a caret under it.
import { readFileSync } from 'node:fs'
import { isAbsolute, relative } from 'node:path'
import { type Style, safeLines } from './style.ts'

const AROUND = 2 // lines before; one after
const MAX_BYTES = 1_048_576

/** Of the first place in a mapped stack that lies in the plugin's own sources; undefined if there is none or it cannot be read. */
export function codeFrame(stack: string, folder: string, style: Style): string | undefined {
  for (const [, file = '', line, column] of stack.matchAll(/([^\s(@]+\.(?:[cm]?[jt]sx?|json)):(\d+):(\d+)/g)) {
    const path = relative(folder, file)
    if (!isAbsolute(file) || path.startsWith('..') || /(^|\/)(node_modules|dist)\//.test(path)) continue
    const frame = frameOf(file, Number(line), Number(column), style)
    if (frame !== undefined) return `  ${style.bold(`${safeLines(path)}:${line}:${column}`)}\n${frame}`
  }
  return undefined
}

function frameOf(file: string, line: number, column: number, style: Style): string | undefined {
  const text = readText(file)
  const lines = text?.split(/\r?\n/) ?? []
  if (line < 1 || line > lines.length) return undefined
  const width = String(line + 1).length
  const first = Math.max(1, line - AROUND)
  return lines
    .slice(first - 1, line + 1)
    .flatMap((one, i) => {
      const number = first + i
      const row = `  ${style.dim(`${String(number).padStart(width)} │`)} ${safeLines(one)}`
      const indent = one.slice(0, column - 1).replace(/[^\t]/g, ' ')
      return number === line ? [row, `  ${' '.repeat(width)} ${style.dim('╵')} ${indent}${style.red('^')}`] : [row]
    })
    .join('\n')
}

function readText(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8')
    return text.length > MAX_BYTES ? undefined : text
  } catch {
    return undefined
  }
}
