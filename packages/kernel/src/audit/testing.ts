// packages/kernel/src/audit/testing.ts: an audit sink in memory, for tests and for hosts that keep no log on disk.
import type { AuditSink } from './audit.ts'
import { GENESIS, type Hash, type Head } from './chain.ts'

export interface MemorySink extends AuditSink {
  readonly lines: string[]
  /** Set: each append fails with it. */
  failure: Error | undefined
}

export function createMemorySink(): MemorySink {
  const lines: string[] = []
  let head: Head | undefined
  const sink: MemorySink = {
    lines,
    failure: undefined,
    open: async () => ({ head: head ?? GENESIS, tail: lines.slice(-1_000), notes: [] }),
    async append(added, newHead) {
      if (sink.failure) throw sink.failure
      lines.push(...added)
      head = newHead
    },
    async *read() {
      for (const [index, text] of lines.entries()) yield { text, file: 'memory', line: index + 1 }
    },
    head: async () => head,
    close: async () => {},
  }
  return sink
}

/** FNV-1a twice over, as 64 bits of hex: enough to notice a change in a test, no cryptography. */
export const fakeHash: Hash = (text) => part(text, 0x811c9dc5) + part(text, 0x01234567)

function part(text: string, seed: number): string {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
