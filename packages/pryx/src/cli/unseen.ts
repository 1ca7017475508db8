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
  try {
    for await (const line of lines) if (line.trim() !== '') return line.trim()
  } finally {
    lines.close()
    if (typed) process.stderr.write('\n')
  }
  throw new UsageError('USAGE_KEY', 'nothing was given', { hint: `Type it, or pipe it in: ${piped}` })
}
