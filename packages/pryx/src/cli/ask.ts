// packages/pryx/src/cli/ask.ts: questions of a command at the terminal. They go to stderr, so that stdout holds results alone.
import { createInterface } from 'node:readline/promises'
import { PryxError } from '@pryx/kernel/contract'
import { errorText } from '../terminal/error-text.ts'
import type { Output } from './output.ts'

const MAX_TRIES = 3

/** What is typed; Ctrl-C and Ctrl-D end the command quietly. */
export async function line(question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  const gone = new AbortController()
  reader.on('SIGINT', () => gone.abort()).on('close', () => gone.abort())
  try {
    return await reader.question(question, { signal: gone.signal })
  } catch (error) {
    if (!gone.signal.aborted) throw error
    process.stderr.write('\n')
    process.exit(130)
  } finally {
    reader.close()
  }
}

export async function yes(question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await line(`${question} [y/N] `)).trim())
}

/** Does what asks the user. A slip is told and asked again, twice; `codes`: what counts as one. */
export async function patiently<T>(output: Output, codes: readonly string[], work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries === MAX_TRIES || !PryxError.is(error) || !codes.includes(error.code)) throw error
      output.note(errorText(error, output.style))
    }
  }
}
