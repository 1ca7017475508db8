// packages/sdk/src/testing/leaks.ts: what a plugin, or the kernel on its behalf, has left behind.
import { PryxError } from '@pryx/kernel/contract'

const DEATH_MS = 2_000 // SIGKILL to the end of the process, on a busy machine
const LOOK_EVERY_MS = 5

/** Fails the test that left something. */
export function assertNoLeaks(leaks: readonly string[]): void {
  if (leaks.length === 0) return
  throw new PryxError('HARNESS_LEAK', `the plugin has ended and left behind: ${leaks.join('; ')}`, {
    hint: 'What a plugin makes through ctx is undone for it; give everything else to ctx.effect, and end what deactivate ends.',
  })
}

/** Those of `pids` that outlive their host. */
export async function survivors(pids: Iterable<number>): Promise<number[]> {
  const until = Date.now() + DEATH_MS
  let alive = [...pids].filter(isAlive)
  while (alive.length > 0 && Date.now() < until) {
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS))
    alive = alive.filter(isAlive)
  }
  return alive
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch {
    return false
  }
}
