// test/fuzz/files.test.ts: whatever has become of the host's files, reading them says where it is wrong or recovers; nothing crashes, nothing is believed that was changed (K1 K4 K8 N2).
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../packages/capabilities/src/capability-testing.ts'
import { openAudit } from '../../packages/kernel/src/audit/audit.ts'
import { verifyChain } from '../../packages/kernel/src/audit/chain.ts'
import { createAuditFiles, readAuditFiles, sha256 } from '../../packages/kernel/src/node/audit-file.ts'
import { createGrantsFile } from '../../packages/kernel/src/node/grants-file.ts'
import { createSnapshotStore } from '../../packages/kernel/src/node/snapshot-store.ts'
import { openGrants } from '../../packages/kernel/src/permissions/grants.ts'
import { createCountingIds, createFakeClock } from '../../packages/kernel/src/powers-testing.ts'
import { loadConfig } from '../../packages/pryx/src/host/config.ts'
import { expectClear, numRuns, replaceAt } from './fuzz-testing.ts'

const fileRuns = numRuns / 5 // each writes and reads files

test('K8: an audit log changed or cut anywhere is found out, by file and line; opening it goes on and hides nothing', async () => {
  using temporary = temporaryFolder()
  const whole = await writtenLog(join(temporary.path, 'whole'))
  const damage = fc.oneof(
    fc.record({ kind: fc.constant('change' as const), at: fc.nat(), by: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), by: fc.constant(0) }),
    fc.record({ kind: fc.constant('drop' as const), at: fc.nat(), by: fc.constant(0) }),
  )
  let n = 0
  await fc.assert(
    fc.asyncProperty(damage, async ({ kind, at, by }) => {
      const folder = join(temporary.path, String(n++))
      const { file, line } = writeDamaged(whole, folder, { kind, at, by })

      const verdict = await verdictOn(folder)
      expect(verdict.whole).toBe(false)
      if (kind === 'change') expect(verdict).toMatchObject({ file, line })

      await using audit = await openAudit({ sink: createAuditFiles(folder), clock: createFakeClock(), hash: sha256 })
      audit.append({ plugin: 'a', act: 'later', access: [], outcome: 'allowed', trace: 't' })
      await audit.flush()
      expect(audit.tail(1)[0]).toMatchObject({ act: 'later' })
      expect((await audit.verify()).whole).toBe(false)
      rmSync(folder, { recursive: true })
    }),
    { numRuns: fileRuns },
  )
})

test('K4: a grants file changed or cut anywhere is read, or kept aside while nothing is granted', async () => {
  using temporary = temporaryFolder()
  const scope = { kind: 'host' as const }
  const grants = ['x', 'y'].map((permission, at) => ({
    id: `g${at}`,
    plugin: 'a',
    permission,
    mode: 'allow' as const,
    duration: 'forever' as const,
    scope,
    at,
    by: 'ada',
  }))
  const good = Buffer.from(JSON.stringify({ version: 1, grants }))
  const path = join(temporary.path, 'grants.json')
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(255), fc.boolean(), async (at, by, cuts) => {
      writeFileSync(path, changed(good, at % good.length, by, cuts))
      let keptAs: string | undefined
      const store = createGrantsFile(path, { onCorrupt: (name) => (keptAs = name) })
      const options = { clock: createFakeClock(), ids: createCountingIds(), covers: (a: string, b: string) => a === b }
      await openGrants({ store, ...options })
      if (keptAs === undefined) return
      expect(existsSync(keptAs)).toBe(true)
      rmSync(keptAs)
    }),
    { numRuns: fileRuns },
  )
})

test('N1: a snapshot changed or cut anywhere is not loaded', () => {
  using temporary = temporaryFolder()
  const snapshot = new Uint8Array(300).map((_, i) => i)
  createSnapshotStore(temporary.path).save('full', snapshot)
  const path = join(temporary.path, readdirSync(temporary.path)[0]!)
  const good = readFileSync(path)
  expect(createSnapshotStore(temporary.path).load('full')).toEqual(snapshot)
  const store = createSnapshotStore(temporary.path)
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, by, cuts) => {
      writeFileSync(path, changed(good, at, by, cuts))
      expect(store.load('full')).toBeUndefined()
    }),
    { numRuns: fileRuns },
  )
})

test('K1: a pryx.json with anything in it is read, or refused by file and place with a hint', () => {
  using temporary = temporaryFolder()
  const file = join(temporary.path, 'pryx.json')
  const good = {
    plugins: {
      notes: { source: './notes', config: { a: 1 }, enabled: true, isolation: 'own', limits: { memoryMb: 32 } },
    },
    port: 7_780,
    host: '127.0.0.1',
    hosts: ['a.example.com'],
    data: '.pryx',
    workspace: '.',
    limits: { memoryMb: 64 },
    telemetry: { otlp: 'http://127.0.0.1:4318' },
  }
  const changedJson = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.jsonValue(), fc.anything())), { maxLength: 3 }).map(
    (changes) =>
      JSON.stringify(
        changes.reduce<unknown>((json, [at, value]) => replaceAt(json, at, value), good),
        plain,
      ) ?? '',
  )
  const bytes = Buffer.from(JSON.stringify(good))
  const damaged = fc
    .tuple(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean())
    .map(([at, by, cuts]) => changed(bytes, at, by, cuts))
  fc.assert(
    fc.property(fc.oneof(changedJson, damaged, fc.string({ unit: 'binary' }), fc.json()), (content) => {
      writeFileSync(file, content)
      expectClear(
        () => loadConfig(file),
        (error) => {
          expect(error.details.file).toBe(file)
          expect(error.hint).toBeTruthy()
        },
      )
      expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    }),
    { numRuns: fileRuns / 2 },
  )
})

/** A log of twelve entries in several files, and its head. */
async function writtenLog(folder: string): Promise<Map<string, Buffer>> {
  const sink = createAuditFiles(folder, { rotateBytes: 900 })
  await using audit = await openAudit({ sink, clock: createFakeClock(), hash: sha256 })
  for (let i = 0; i < 12; i++) {
    audit.append({ plugin: 'ä', act: `act.${i}`, access: ['net:x.org'], outcome: 'allowed', detail: { i }, trace: 't' })
    await audit.flush()
  }
  expect(await audit.verify()).toEqual({ whole: true, entries: 12 })
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]))
}

interface Damage {
  kind: 'change' | 'cut' | 'drop'
  at: number
  by: number
}

/** Writes the log to `folder`, damaged at the `at`-th byte of all its entries. Answers where that is. */
function writeDamaged(
  whole: Map<string, Buffer>,
  folder: string,
  { kind, at, by }: Damage,
): { file: string; line: number } {
  mkdirSync(folder)
  const logs = [...whole].filter(([name]) => name.endsWith('.jsonl')).sort(([a], [b]) => a.localeCompare(b))
  let place = at % logs.reduce((sum, [, bytes]) => sum + bytes.length, 0)
  let where = { file: '', line: 0 }
  for (const [name, bytes] of whole) writeFileSync(join(folder, name), bytes)
  for (const [name, bytes] of logs) {
    if (place >= 0 && place < bytes.length) {
      where = { file: basename(name), line: bytes.subarray(0, place).toString('latin1').split('\n').length }
      const path = join(folder, name)
      if (kind === 'drop') writeFileSync(path, withoutLine(bytes, where.line))
      else writeFileSync(path, changed(bytes, place, by, kind === 'cut'))
    }
    place -= bytes.length
  }
  return where
}

function withoutLine(bytes: Buffer, line: number): Buffer {
  const lines = bytes.toString('latin1').split('\n')
  lines.splice(line - 1, 1)
  return Buffer.from(lines.join('\n'), 'latin1')
}

async function verdictOn(folder: string) {
  const { lines, head } = await readAuditFiles(folder)
  return verifyChain(lines, head, sha256)
}

/** A copy with the byte at `at` changed, or cut off there. */
function changed(bytes: Buffer, at: number, by: number, cuts: boolean): Buffer {
  if (cuts) return bytes.subarray(0, at)
  const copy = Buffer.from(bytes)
  copy[at] = copy[at]! ^ by
  return copy
}

/** What JSON cannot say is left out. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
