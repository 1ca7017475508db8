// packages/pryx/src/cli/unseen.ts: a line that must not be seen: typed without echo, or read from a pipe.
import { createInterface } from 'node:readline'
import { UsageError } from '@pryx/kernel/contract'

/**
 * @param what What is asked for, as the prompt says it.
 * @param piped How it would be given by a pipe, for the hint.
 * @throws USAGE_KEY if nothing was given
 */
export async function readUnseen(what: string, piped: string): Promise<string> {
  const typed = process.stdin.isTTY
  if (typed) process.stderr.write(`${what} (it is not shown): `)
  const lines = createInterface({ input: process.stdin, terminal: typed })
  if (typed) (lines as unknown as { _writeToOutput(): void })._writeToOutput = () => {}
  let left = false
  lines.on('SIGINT', () => {
    left = true
    lines.close()
  })
  try {
    for await (const line of lines) if (typed || line.trim() !== '') return nonEmpty(line.trim(), piped)
  } finally {
    lines.close()
    if (typed) process.stderr.write('\n')
  }
  if (left) process.exit(130)
  return nonEmpty('', piped)
}

function nonEmpty(line: string, piped: string): string {
  if (line !== '') return line
  throw new UsageError('USAGE_KEY', 'nothing was given', { hint: `Type it, or pipe it in: ${piped}` })
}
