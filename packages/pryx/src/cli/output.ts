// packages/pryx/src/cli/output.ts: what a command says: its result on stdout, everything else on stderr; JSON where it was asked for.
import { errorJson, errorText, isExpected } from '../terminal/error-text.ts'
import { type Style, styleFor } from '../terminal/style.ts'
import { exitCodeOf } from './exit.ts'

export interface Output {
  readonly json: boolean
  /** For stdout. */
  readonly style: Style
  /** The command's result: one JSON document, or text. */
  result(value: unknown, text: string): void
  /** One of many: a JSON line, or a line of text. */
  line(value: unknown, text: string): void
  /** Said beside the result; not a part of it. */
  note(text: string): void
  /** Tells an error and sets the exit code. */
  fail(error: unknown): void
}

export function createOutput({ json = false }: { json?: boolean | undefined } = {}): Output {
  const errors = styleFor(process.stderr)
  process.stdout.on('error', () => process.exit(0)) // `| head` has seen enough
  return {
    json,
    style: styleFor(process.stdout),
    result: (value, text) => void process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`),
    line: (value, text) => void process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`),
    note: (text) => void (json || process.stderr.write(`${text}\n`)),
    fail(error) {
      process.exitCode = exitCodeOf(error)
      if (json) process.stdout.write(`${JSON.stringify(errorJson(error), null, 2)}\n`)
      else process.stderr.write(`${errorText(error, errors)}\n`)
      if (!json && !isExpected(error)) process.stderr.write(`${(error as Error).stack ?? ''}\n`)
    },
  }
}
