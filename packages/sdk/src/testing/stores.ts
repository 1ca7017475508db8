// packages/sdk/src/testing/stores.ts: what a kernel keeps on disk, kept in memory: grants, the audit log, the startup snapshot.
import { type AuditSink, createSnapshotStore, type GrantStore } from '@pryx/kernel'

type Head = NonNullable<Awaited<ReturnType<AuditSink['head']>>>

const GENESIS: Head = { seq: 0, hash: '0'.repeat(64) }

export function createMemoryGrants(): GrantStore {
  let kept: unknown
  return {
    load: async () => kept,
    async save(json) {
      kept = json
    },
  }
}

export function createMemoryAudit(): AuditSink {
  const lines: string[] = []
  let head: Head | undefined
  return {
    open: async () => ({ head: GENESIS, tail: [], notes: [] }),
    async append(added, newHead) {
      lines.push(...added)
      head = newHead
    },
    async *read() {
      for (const [index, text] of lines.entries()) yield { text, file: 'memory', line: index + 1 }
    },
    head: async () => head,
    close: async () => {},
  }
}

/** Shared by all harnesses of this process: only the first of a test file pays for making the snapshot. */
export const snapshots: ReturnType<typeof createSnapshotStore> = createSnapshotStore()
