import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Capability } from '@pryx/kernel/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Storage, storageFace } from '../../../sdk/src/capabilities/storage.ts'
import { callerOf, placeIn, temporaryFolder } from '../capability-testing.ts'
import { afterPrefix, packBuffers, unpackBuffers } from './kv.ts'
import { createMemoryStorage, createStorageCapability, type StorageIncident, type StorageOptions } from './storage.ts'

/** One storage, and faces of it for plugins. */
interface Opened extends AsyncDisposable {
  faceOf(plugin: string): Storage
}

describeStorage('SQLite in a process of its own', () => onDisk())
describeStorage('in memory', async () => {
  const capability = createMemoryStorage()
  return {
    faceOf: (plugin) => storageFace(callerOf(capability, placeIn('/none', plugin))),
    [Symbol.asyncDispose]: async () => capability[Symbol.asyncDispose]?.(),
  }
})

async function onDisk(options: StorageOptions = {}): Promise<Opened & { folder: string; capability: Capability }> {
  const folder = temporaryFolder()
  const capability = createStorageCapability(options)
  return {
    folder: folder.path,
    capability,
    faceOf: (plugin) => storageFace(callerOf(capability, placeIn(folder.path, plugin))),
    async [Symbol.asyncDispose]() {
      await capability[Symbol.asyncDispose]?.()
      folder[Symbol.dispose]()
    },
  }
}

test('D4: under steady work the log goes round in a bounded piece of the disk, and gives none of it back', async () => {
  await using storage = await onDisk()
  const { sql } = storage.faceOf('notes')
  await sql.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)')
  const log = () => statSync(join(placeIn(storage.folder, 'notes').data, 'storage.db-wal')).size
  const write = () => sql.run(`INSERT INTO rows (text) VALUES (printf('%.*c', 1000000, 'x'))`) // 250 pages
  const sizes: number[] = []

  for (let i = 0; i < 25; i++) {
    await write()
    sizes.push(log())
  }

  expect(Math.max(...sizes)).toBeLessThan(12 * 1_024 * 1_024)
  expect(sizes).toEqual(sizes.toSorted((one, other) => one - other))
})

test('D4: what was written moves from the log into the file when nobody asks for anything', async () => {
  await using opened = await onDisk({ idleMs: 600_000 })
  const { sql } = opened.faceOf('notes')
  const file = join(placeIn(opened.folder, 'notes').data, 'storage.db')
  await sql.exec('CREATE TABLE t (text TEXT)')
  await sql.batch(
    Array.from({ length: 200 }, () => ({ sql: 'INSERT INTO t VALUES (?)', params: ['x'.repeat(10_000)] })),
  )

  await expect.poll(() => statSync(file).size, { timeout: 30_000 }).toBeGreaterThan(2_000_000)
  expect(await sql.all('SELECT COUNT(*) n FROM t')).toEqual([{ n: 200 }])
})

/** What every storage promises. */
function describeStorage(name: string, open: () => Promise<Opened>): void {
  describe(name, () => {
    test('a value comes back as it was: dates, bytes, maps and big integers too', async () => {
      await using opened = await open()
      const storage = opened.faceOf('notes')
      const value = {
        at: new Date(0),
        bytes: new Uint8Array([0, 255]),
        map: new Map([['a', 1n]]),
        nested: [{ $: 'x' }],
        none: null,
      }

      await storage.set('k', value)

      expect(await storage.get('k')).toEqual(value)
      expect(await storage.get('missing')).toBeUndefined()
    })

    test('K4: a plugin sees nothing of another one', async () => {
      await using opened = await open()
      await opened.faceOf('one').set('k', 1)

      expect(await opened.faceOf('two').get('k')).toBeUndefined()
    })

    test('of many rivals one wins the compare-and-set, and a version never returns after a delete', async () => {
      await using opened = await open()
      const storage = opened.faceOf('notes')
      const version = await storage.set('k', 0)

      const results = await Promise.all([1, 2, 3, 4, 5].map((n) => storage.cas('k', version, n)))
      await storage.delete('k')
      await storage.set('k', 9)

      expect(results.filter(({ ok }) => ok)).toHaveLength(1)
      expect(await storage.cas('k', version, 1)).toMatchObject({ ok: false })
      expect(await storage.cas('new', undefined, 1)).toMatchObject({ ok: true })
      expect(await storage.cas('new', undefined, 1)).toMatchObject({ ok: false })
    })

    test('a batch whose check fails changes nothing', async () => {
      await using opened = await open()
      const storage = opened.faceOf('notes')
      await storage.set('a', 1)

      const batch = storage.batch([
        { op: 'set', key: 'a', value: 2 },
        { op: 'check', key: 'a' },
      ])

      await expect(batch).rejects.toMatchObject({ code: 'STORAGE_CONFLICT' })
      expect(await storage.get('a')).toBe(1)
    })

    test('a long list of large values arrives whole, in either direction', async () => {
      await using opened = await open()
      const storage = opened.faceOf('notes')
      const keys = Array.from({ length: 9 }, (_, i) => `k${i}`)
      for (const key of keys) await storage.set(key, 'x'.repeat(200_000))

      const up = await storage.list({ prefix: 'k' })
      const down = await storage.list({ prefix: 'k', reverse: true, limit: 7 })

      expect(up.map(({ key }) => key)).toEqual(keys)
      expect(down.map(({ key }) => key)).toEqual([...keys].reverse().slice(0, 7))
    })

    test('limits of keys and values are told, not cut', async () => {
      await using opened = await open()
      const storage = opened.faceOf('notes')

      await expect(storage.set('k', 'x'.repeat(1_048_576))).rejects.toMatchObject({ code: 'STORAGE_VALUE_TOO_BIG' })
      await expect(storage.set('é'.repeat(513), 1)).rejects.toThrow(/1024 bytes/)
      await expect(storage.set('\ud800', 1)).rejects.toThrow(/whole characters/)
      await expect(storage.set('k', () => 1)).rejects.toMatchObject({ code: 'USAGE_NOT_CLONEABLE' })
    })

    test('any sequence of calls does what an ordered map would do', async () => {
      await using opened = await open()
      let run = 0
      await fc.assert(
        fc.asyncProperty(fc.array(commands, { maxLength: 30 }), async (sequence) => {
          const storage = opened.faceOf(`model${run++}`)
          const model = new Map<string, { value: unknown; version: number }>()
          for (const command of sequence) await compare(command, storage, model)
        }),
        { numRuns: 40 },
      )
    })

    test('SQL: parameters by position and name, bytes, big integers, and rows as plain objects', async () => {
      await using opened = await open()
      const { sql } = opened.faceOf('notes')
      await sql.exec(
        'CREATE TABLE t (id INTEGER PRIMARY KEY, big INTEGER, data BLOB, ok INTEGER); CREATE INDEX i ON t (big)',
      )

      const first = await sql.run(
        'INSERT INTO t (big, data, ok) VALUES (?, ?, ?)',
        2n ** 60n,
        new Uint8Array([1, 2]),
        true,
      )
      await sql.run('INSERT INTO t (big) VALUES (:big)', { big: 7 })

      expect(first).toEqual({ changes: 1, lastInsertRowid: 1 })
      expect(await sql.all('SELECT * FROM t WHERE id = :id', { id: 1 })).toEqual([
        { id: 1, big: 2n ** 60n, data: new Uint8Array([1, 2]), ok: 1 },
      ])
      expect(await sql.all('SELECT big FROM t ORDER BY id')).toEqual([{ big: 2n ** 60n }, { big: 7 }])
      expect(await sql.all('INSERT INTO t (big) VALUES (8) RETURNING id')).toEqual([{ id: 3 }])
      expect(await sql.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 3 }])
    })

    test('SQL: a batch is all or nothing, and so is a script', async () => {
      await using opened = await open()
      const { sql } = opened.faceOf('notes')
      await sql.exec('CREATE TABLE t (id INTEGER PRIMARY KEY)')

      const batch = sql.batch([
        { sql: 'INSERT INTO t VALUES (?)', params: [1] },
        { sql: 'INSERT INTO t VALUES (?)', params: [1] },
      ])
      const script = sql.exec('INSERT INTO t VALUES (5); INSERT INTO nowhere VALUES (1)')

      await expect(batch).rejects.toMatchObject({ code: 'STORAGE_CONSTRAINT' })
      await expect(script).rejects.toMatchObject({ code: 'STORAGE_SQL' })
      expect(await sql.all('SELECT * FROM t')).toEqual([])
    })

    test('SQL: a batch may read between its changes, and answers what it read', async () => {
      await using opened = await open()
      const { sql } = opened.faceOf('notes')
      await sql.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)')

      const results = await sql.batch([
        { sql: 'INSERT INTO t VALUES (1, 10), (2, 20)' },
        { sql: 'SELECT SUM(n) AS sum FROM t', rows: true },
        { sql: 'UPDATE t SET n = n + 1 WHERE id = ? RETURNING n', params: [2], rows: true },
      ])

      expect(results.map(({ changes, rows }) => ({ changes, rows }))).toEqual([
        { changes: 2, rows: undefined },
        { changes: 1, rows: [{ sum: 30 }] },
        { changes: 1, rows: [{ n: 21 }] },
      ])
    })

    test('SQL: full-text search works', async () => {
      await using opened = await open()
      const { sql } = opened.faceOf('notes')
      await sql.exec("CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('buy milk'), ('sell bread')")

      expect(await sql.all('SELECT body FROM f WHERE f MATCH ?', 'milk')).toEqual([{ body: 'buy milk' }])
    })

    test.each([
      "ATTACH '/tmp/other.db' AS other",
      'PRAGMA journal_mode=DELETE',
      'PRAGMA writable_schema=1',
      'PRAGMA max_page_count=100000000',
      "SELECT load_extension('/tmp/x.so')",
      'SELECT * FROM _pryx_kv',
      'DELETE FROM "_PRYX_KV"',
      'DROP TABLE _pryx_kv',
      'CREATE TABLE _pryx_other (x)',
      'CREATE TRIGGER tr AFTER INSERT ON _pryx_kv BEGIN SELECT 1; END',
      'CREATE TEMP TABLE t (x)',
      'BEGIN',
      'COMMIT',
      'SAVEPOINT s',
      "CREATE VIRTUAL TABLE v USING dbstat('main')",
    ])('N4: SQL that reaches beyond the plugin is refused: %s', async (sql) => {
      await using opened = await open()
      const storage = opened.faceOf('notes')

      await expect(storage.sql.run(sql)).rejects.toMatchObject({ code: 'STORAGE_REFUSED' })
      await expect(storage.sql.exec(`${sql}; SELECT 1`)).rejects.toMatchObject({ code: 'STORAGE_REFUSED' })
      expect(await storage.set('still', 'works')).toBe(1)
    })

    test('SQL: the schema table, endless results and second statements are refused in words', async () => {
      await using opened = await open()
      const { sql } = opened.faceOf('notes')
      const many = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 10001) SELECT x FROM c'

      await expect(sql.run("VACUUM INTO '/tmp/copy.db'")).rejects.toMatchObject({ code: 'STORAGE_REFUSED' })
      await expect(sql.exec("VACUUM INTO '/tmp/copy.db'")).rejects.toMatchObject({ code: 'STORAGE_SQL' })
      await expect(sql.exec("UPDATE sqlite_master SET sql = ''")).rejects.toMatchObject({ code: 'STORAGE_SQL' })
      await expect(sql.all(many)).rejects.toMatchObject({ code: 'STORAGE_TOO_MANY_ROWS' })
      expect(await sql.all(`${many} LIMIT 10000`)).toHaveLength(10_000)
      await expect(sql.run('SELECT 1; SELECT 2')).rejects.toMatchObject({
        code: 'STORAGE_SQL',
        message: expect.stringContaining('one statement'),
      })
      expect(await sql.all('SELECT 1 AS n; -- done')).toEqual([{ n: 1 }])
      await expect(sql.all('SELECT hex(zeroblob(60000000))')).rejects.toMatchObject({
        code: expect.stringMatching(/STORAGE_TOO/),
      })
    })
  })
}

const anyKey = fc.oneof(
  fc.constantFrom('a', 'ab', 'b', 'é', '\u{1F600}', '\uffff'),
  fc.string({ minLength: 1, maxLength: 3, unit: 'binary' }),
)
// As JSON has it: no -0, and no `__proto__`, which no value may carry across the wall.
const anyValue = fc
  .jsonValue()
  .map((value) => JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto')) as unknown)
const commands = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key: anyKey, value: anyValue }),
  fc.record({ do: fc.constant('delete' as const), key: anyKey }),
  fc.record({ do: fc.constant('cas' as const), key: anyKey, value: fc.integer(), honest: fc.boolean() }),
  fc.record({
    do: fc.constant('list' as const),
    prefix: fc.option(anyKey),
    start: fc.option(anyKey),
    end: fc.option(anyKey),
    reverse: fc.boolean(),
    limit: fc.integer({ min: 1, max: 5 }),
  }),
)

async function compare(
  command: typeof commands extends fc.Arbitrary<infer T> ? T : never,
  storage: Storage,
  model: Map<string, { value: unknown; version: number }>,
): Promise<void> {
  if (command.do === 'set') {
    model.set(command.key, { value: command.value, version: await storage.set(command.key, command.value) })
    expect(await storage.get(command.key)).toEqual(command.value)
  } else if (command.do === 'delete') {
    expect(await storage.delete(command.key)).toBe(model.delete(command.key))
  } else if (command.do === 'cas') {
    const expected = command.honest ? model.get(command.key)?.version : 1_000_000
    const { ok, version } = await storage.cas(command.key, expected, command.value)
    expect(ok).toBe(command.honest)
    if (ok) model.set(command.key, { value: command.value, version: version as number })
  } else {
    const { prefix, start, end, reverse, limit } = command
    const order = [...model.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    const within = order.filter(
      (key) =>
        key.startsWith(prefix ?? '') &&
        (start === null || compareBytes(key, start) >= 0) &&
        (end === null || compareBytes(key, end) < 0),
    )
    const wanted = (reverse ? within.reverse() : within).slice(0, limit).map((key) => ({ key, ...model.get(key) }))
    const options = {
      reverse,
      limit,
      ...(prefix !== null && { prefix }),
      ...(start !== null && { start }),
      ...(end !== null && { end }),
    }
    expect(await storage.list(options)).toEqual(wanted)
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

describe('on disk', () => {
  test('versions go on where they stopped, through undone batches and new processes', async () => {
    await using opened = await onDisk({ idleMs: 1 })
    const storage = opened.faceOf('notes')
    const seen: number[] = []
    for (let i = 0; i < 4; i++) {
      seen.push(await storage.set('k', i))
      await storage
        .batch([
          { op: 'set', key: 'k', value: 'undone' },
          { op: 'check', key: 'k' },
        ])
        .catch(() => {})
      seen.push(await storage.set('k', i))
      await storage.delete('k')
      await new Promise((resolve) => setTimeout(resolve, 20)) // real time: the process is real
    }

    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
  })

  test('N4: the database is for the user alone, and no link is followed', async () => {
    await using opened = await onDisk()
    await opened.faceOf('notes').set('k', 1)
    mkdirSync(join(opened.folder, 'evil'))
    symlinkSync(join(opened.folder, 'notes/storage.db'), join(opened.folder, 'evil/storage.db'))

    const files = readdirSync(join(opened.folder, 'notes'))

    expect(files.map((file) => statSync(join(opened.folder, 'notes', file)).mode & 0o077)).toEqual(files.map(() => 0))
    await expect(opened.faceOf('evil').get('k')).rejects.toMatchObject({ code: 'STORAGE_IO' })
  })

  test('the process ends when idle and comes back unseen', async () => {
    await using opened = await onDisk({ idleMs: 20 })
    const storage = opened.faceOf('notes')
    for (let i = 0; i < 5; i++) {
      await storage.set('k', i)
      await new Promise((resolve) => setTimeout(resolve, i * 20)) // real time: the process is real
      expect(await storage.get('k')).toBe(i)
    }
  })

  test('K3: a runaway statement is ended, the other plugins never notice, and the culprit delays them only once', async () => {
    const incidents: StorageIncident[] = []
    await using opened = await onDisk({ statementMs: 300, onIncident: (incident) => incidents.push(incident) })
    const runaway = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'
    const [evil, good] = [opened.faceOf('evil'), opened.faceOf('good')]
    await good.set('before', 1)

    const culprits = [1, 2, 3].map(() => evil.sql.all(runaway).catch((error) => error.code))
    const neighbours = await Promise.all([1, 2, 3].map((n) => good.set(`k${n}`, n)))

    expect(neighbours).toHaveLength(3)
    expect(await good.list()).toHaveLength(4)
    expect(await Promise.all(culprits)).toEqual(['STORAGE_TIMEOUT', 'STORAGE_TIMEOUT', 'STORAGE_TIMEOUT'])
    expect(incidents[0]).toMatchObject({ plugin: 'evil', code: 'STORAGE_TIMEOUT' })
    expect(await evil.get('x')).toBeUndefined()
  })

  test('the quota is felt as STORAGE_FULL, and deleting helps', async () => {
    await using opened = await onDisk({ quotaBytes: 1_048_576 })
    const storage = opened.faceOf('notes')
    const fill = async () => {
      for (let i = 0; ; i++) await storage.set(`k${i}`, 'x'.repeat(100_000))
    }

    await expect(fill()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    await storage.delete('k0')

    expect(await storage.set('small', 1)).toBeGreaterThan(0)
    await expect(storage.sql.exec('CREATE TABLE t AS SELECT randomblob(2000000) AS x')).rejects.toMatchObject({
      code: 'STORAGE_FULL',
    })
  })

  test('a damaged database is kept aside, reported, and replaced by a fresh one', async () => {
    const incidents: StorageIncident[] = []
    await using opened = await onDisk({ onIncident: (incident) => incidents.push(incident) })
    const folder = join(opened.folder, 'notes')
    mkdirSync(folder)
    writeFileSync(join(folder, 'storage.db'), 'not a database at all '.repeat(500))
    const storage = opened.faceOf('notes')

    await expect(storage.get('k')).rejects.toMatchObject({
      code: 'STORAGE_CORRUPT',
      details: { file: join(folder, 'storage.db.corrupt-1') },
    })
    await storage.set('k', 1)

    expect(await storage.get('k')).toBe(1)
    expect(readFileSync(join(folder, 'storage.db.corrupt-1'), 'utf8')).toContain('not a database')
    expect(incidents).toMatchObject([{ plugin: 'notes', code: 'STORAGE_CORRUPT' }])
  })

  test('a folder that cannot be written is told as STORAGE_IO', async () => {
    if (process.getuid?.() === 0) return // root may write anywhere
    await using opened = await onDisk()
    mkdirSync(join(opened.folder, 'notes'), { mode: 0o500 })

    await expect(opened.faceOf('notes').set('k', 1)).rejects.toMatchObject({ code: 'STORAGE_IO' })
    chmodSync(join(opened.folder, 'notes'), 0o700)
  })

  test('a caller that leaves takes its waiting call along', async () => {
    await using opened = await onDisk({ statementMs: 400 })
    const runaway = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'
    const slow = opened.faceOf('evil').sql.all(runaway)
    const call = callerOf(opened.capability, placeIn(opened.folder, 'notes'))
    const leaving = new AbortController()

    const outcomes = Promise.allSettled([slow, call('set', ['k', 1], { signal: leaving.signal })])
    await settled()
    leaving.abort(new Error('gone'))

    expect(await outcomes).toMatchObject([{ reason: { code: 'STORAGE_TIMEOUT' } }, { reason: { message: 'gone' } }])
    expect(await opened.faceOf('notes').get('k')).toBeUndefined()
  })

  test('disposing finishes what is queued and refuses what comes later', async () => {
    const opened = await onDisk()
    const storage = opened.faceOf('notes')
    const writes = [1, 2, 3].map((n) => storage.set(`k${n}`, n))
    await settled()

    await opened.capability[Symbol.asyncDispose]?.()

    expect(await Promise.all(writes)).toHaveLength(3)
    await expect(storage.get('k1')).rejects.toMatchObject({ code: 'STORAGE_CLOSED' })
    await opened[Symbol.asyncDispose]()
    expect(existsSync(opened.folder)).toBe(false)
  })
})

/** Lets calls already made reach the queue. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('the end of a prefix lies after every key that begins with it', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (prefix, rest) => {
      expect(Buffer.compare(Buffer.from(prefix + rest), Buffer.from(afterPrefix(prefix)))).toBe(-1)
    }),
  )
})

test('buffers beside a value come back as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), (buffers) => {
      expect(unpackBuffers(packBuffers(buffers)).map((b) => [...b])).toEqual(buffers.map((b) => [...b]))
    }),
  )
})
