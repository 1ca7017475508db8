// bench/src/host.ts: a process of its own that is measured from outside. It ends when its stdin does, so never later than the bench.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Host extends AsyncDisposable {
  readonly pid: number
  /** Sends one line and waits for the line it answers with. */
  ask(line: string): Promise<string>
}

/** Runs a script of `hosts/` and waits until it says that it is ready. Disposing ends it and waits for its exit. */
export async function openHost(file: string, ...args: string[]): Promise<Host> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await next()
  return {
    pid: child.pid ?? 0,
    async ask(line) {
      child.stdin.write(`${line}\n`)
      return next()
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await exit
    },
  }

  async function next(): Promise<string> {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${file} ended before it answered`)
    return value
  }
}
