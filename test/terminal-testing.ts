// test/terminal-testing.ts: a command at a terminal of its own (a pty by `script`, which every Linux and macOS has), and what it wrote.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, vi } from 'vitest'
import { BIN, type Project } from '../packages/pryx/src/cli/bin-testing.ts'
import { PATIENT } from './main-job-testing.ts'

export interface Terminal extends AsyncDisposable {
  /** Types a line, and Enter. */
  type(line: string): void
  /** All that was written since the last `mark`, without what moves the cursor. */
  text(): string
  /** From here on `text` begins. */
  mark(): void
  /** Waits until it says so. */
  until(said: string | RegExp): Promise<void>
}

export function openTerminal(project: Project, ...args: string[]): Terminal {
  const command = [process.execPath, BIN, ...args]
  const typescript =
    process.platform === 'darwin'
      ? ['-q', '/dev/null', ...command]
      : ['-qfec', command.map((word) => `'${word}'`).join(' '), '/dev/null']
  const env = { PATH: process.env.PATH, HOME: project.folder, NO_COLOR: '1', TERM: 'xterm', COLUMNS: '100' }
  const child = spawn('script', typescript, { cwd: project.folder, env, stdio: ['pipe', 'pipe', 'inherit'] })
  let written = ''
  child.stdin.on('error', () => {}) // it has ended
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (written += chunk))
  const text = () => written.replace(CURSOR, '').replaceAll('\r', '')
  return {
    type: (line) => void child.stdin.write(`${line}\r`),
    text,
    mark: () => (written = ''),
    until: (said) => vi.waitFor(() => expect(text()).toMatch(said), PATIENT),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'close')
      child.stdin.write('/quit\r')
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await gone
      clearTimeout(late)
    },
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const CURSOR = /\u001b\[[\d;?]*[A-Za-z]/g
