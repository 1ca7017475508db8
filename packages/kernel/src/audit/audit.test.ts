import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAuditFiles, sha256 } from '../node/audit-file.ts'
import { createFakeClock } from '../powers-testing.ts'
import { openAudit } from './audit.ts'
import { type AuditFact, type AuditLine, GENESIS, type Head, sealEntry, verifyChain } from './chain.ts'
import { createMemorySink } from './testing.ts'

const fact: AuditFact = {
  plugin: 'notes',
  act: 'net.fetch',
  access: ['net:a.example'],
  outcome: 'allowed',
  ms: 2,
  trace: 't1',
}

function chainOf(facts: AuditFact[]): { lines: string[]; head: Head } {
  let head: Head = GENESIS
  const lines = facts.map((one, index) => {
    const { entry, line } = sealEntry(one, 1_000 + index, head, sha256)
    head = { seq: entry.seq, hash: entry.hash }
    return line
  })
  return { lines, head }
}

function verify(bytes: Uint8Array, head: Head) {
  return verifyChain(linesOf(bytes), head, sha256)
}

function linesOf(bytes: Uint8Array): AuditLine[] {
  const texts = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\n')
  if (texts.at(-1) === '') texts.pop()
  else texts.push('cut short')
  return texts.map((text, index) => ({ text, file: 'f', line: index + 1 }))
}

const facts = fc.array(
  fc.record({
    plugin: fc.string({ unit: 'grapheme', maxLength: 8 }),
    act: fc.constantFrom('net.fetch', 'fs.read'),
    access: fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { maxLength: 2 }),
    outcome: fc.constantFrom('allowed' as const, 'denied' as const),
    detail: fc.jsonValue({ maxDepth: 2 }),
    trace: fc.constant('t'),
  }),
  { minLength: 1, maxLength: 6 },
)

describe('the chain', () => {
  test('K8: a log as written is whole', async () => {
    await fc.assert(
      fc.asyncProperty(facts, async (list) => {
        const { lines, head } = chainOf(list)
        expect(await verify(Buffer.from(`${lines.join('\n')}\n`), head)).toEqual({ whole: true, entries: list.length })
      }),
      { numRuns: 50 },
    )
  })

  test('K8: any change of a single byte is found', async () => {
    await fc.assert(
      fc.asyncProperty(facts, fc.nat(), fc.integer({ min: 1, max: 255 }), async (list, where, flip) => {
        const { lines, head } = chainOf(list)
        const bytes = Buffer.from(`${lines.join('\n')}\n`)
        const at = where % bytes.length
        bytes[at] = bytes[at]! ^ flip
        expect((await verify(bytes, head)).whole).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('K8: any entry left out, moved, doubled or cut off the end is found', async () => {
    await fc.assert(
      fc.asyncProperty(facts, fc.nat(), fc.nat(), async (list, a, b) => {
        const { lines, head } = chainOf(list)
        const [i, j] = [a % lines.length, b % lines.length]
        const joined = (changed: string[]) => Buffer.from(changed.map((line) => `${line}\n`).join(''))
        expect((await verify(joined(lines.toSpliced(i, 1)), head)).whole).toBe(false)
        expect((await verify(joined(lines.toSpliced(i, 0, lines[j]!)), head)).whole).toBe(false)
        expect((await verify(joined(lines.slice(0, i)), head)).whole).toBe(false)
        const swapped = lines.with(i, lines[j]!).with(j, lines[i]!)
        expect((await verify(joined(swapped), head)).whole).toBe(i === j)
      }),
      { numRuns: 50 },
    )
  })
})

describe('the log', () => {
  test('K8: a sink that fails loses nothing: entries wait, callers are held at the bound, and all is written in order', async () => {
    const clock = createFakeClock()
    const sink = createMemorySink()
    const troubles: unknown[] = []
    await using audit = await openAudit({
      sink,
      clock,
      hash: sha256,
      capacity: 3,
      onTrouble: (cause) => void troubles.push(cause),
    })
    sink.failure = new Error('ENOSPC')
    for (let i = 0; i < 3; i++) audit.append({ ...fact, act: `act.${i}` })
    await clock.advance(0)
    expect(troubles).toHaveLength(1)
    const held = audit.drained()
    expect(held).toBeInstanceOf(Promise)

    sink.failure = undefined
    await clock.advance(250)

    await held
    expect(audit.drained()).toBeUndefined()
    expect(sink.lines.map((line) => JSON.parse(line).act)).toEqual(['act.0', 'act.1', 'act.2'])
    expect(await audit.verify()).toEqual({ whole: true, entries: 3 })
  })

  test('K8: the tail shows what was just appended, and a later change of the caller’s object does not reach it', async () => {
    await using audit = await openAudit({ sink: createMemorySink(), clock: createFakeClock(), hash: sha256 })
    const detail = { n: 1, big: undefined as unknown }
    audit.append({ ...fact, detail })
    detail.n = 2

    expect(audit.tail(1)).toMatchObject([{ seq: 1, detail: { n: 1 } }])
    audit.append({ ...fact, detail: { text: 'x'.repeat(10_000) } })
    expect(JSON.stringify(audit.tail(1)[0]!.detail).length).toBeLessThan(3_000)
  })
})

describe('the log on disk', () => {
  async function open(folder: string, rotateBytes = 16_777_216) {
    return openAudit({ sink: createAuditFiles(folder, { rotateBytes }), clock: createFakeClock(), hash: sha256 })
  }

  async function written(count: number, rotateBytes?: number): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'audit-'))
    await using audit = await open(folder, rotateBytes)
    for (let i = 0; i < count; i++) {
      audit.append({ ...fact, trace: `t${i}` })
      await audit.flush()
    }
    return folder
  }

  test('K8: the chain goes on across files and restarts; files are private', async () => {
    const folder = await written(6, 600)
    await using audit = await open(folder, 600)
    audit.append(fact)

    expect(await audit.verify()).toEqual({ whole: true, entries: 7 })
    const files = (await readdir(folder)).filter((name) => name.startsWith('audit-'))
    expect(files.length).toBeGreaterThan(1)
    expect((await stat(join(folder, files[0]!))).mode & 0o777).toBe(0o600)
    await rm(folder, { recursive: true })
  })

  test('K8: a last line cut short by a crash is healed, and the healing is in the chain', async () => {
    const folder = await written(2)
    await appendFile(join(folder, 'audit-000001.jsonl'), '{"access":["ne')
    await using audit = await open(folder)

    expect(audit.tail(1)).toMatchObject([{ seq: 3, act: 'audit.healed', detail: { bytes: 14 } }])
    expect(await audit.verify()).toEqual({ whole: true, entries: 3 })
    await rm(folder, { recursive: true })
  })

  test('K8: entries cut off the end are missed for ever, with file and line', async () => {
    const folder = await written(3)
    const path = join(folder, 'audit-000001.jsonl')
    const text = await readFile(path, 'utf8')
    await truncate(path, Buffer.byteLength(text.split('\n').slice(0, 2).join('\n')) + 1)
    for (let start = 0; start < 2; start++) {
      await using audit = await open(folder)
      audit.append(fact)
      expect(await audit.verify()).toMatchObject({ whole: false, file: 'audit-000001.jsonl', line: 3 })
      if (start === 0) expect(audit.tail(2)[0]).toMatchObject({ act: 'audit.lost', detail: { after: 2, upTo: 3 } })
    }
    await rm(folder, { recursive: true })
  })

  test('K8: a damaged line and a head taken away are told', async () => {
    const folder = await written(3)
    const path = join(folder, 'audit-000001.jsonl')
    const text = await readFile(path, 'utf8')
    {
      await using audit = await open(folder)
      await unlink(join(folder, 'audit.head'))
      expect(await audit.verify()).toMatchObject({ whole: false })
    }
    await using audit = await open(folder)
    expect(audit.tail(1)).toMatchObject([{ act: 'audit.headless' }])
    await audit.flush()
    await writeFile(path, text.replace('"trace":"t1"', '"trace":"t9"'))
    expect(await audit.verify()).toMatchObject({ whole: false, file: 'audit-000001.jsonl', line: 2 })
    await rm(folder, { recursive: true })
  })
})
