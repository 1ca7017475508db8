import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { matchesPattern } from '../contract/index.ts'
import { createGrantsFile } from '../node/grants-file.ts'
import { createCountingIds, createFakeClock } from '../powers-testing.ts'
import type { GrantScope } from './grant.ts'
import { type GrantChange, type GrantStore, openGrants } from './grants.ts'

const HOST: GrantScope = { kind: 'host' }
const request = { plugin: 'notes', duration: 'forever' as const, scope: HOST, by: 'ada' }

async function setUp(store: GrantStore = createMemoryStore()) {
  const clock = createFakeClock()
  const changes: GrantChange[] = []
  const ids = createCountingIds()
  const grants = await openGrants({
    store,
    clock,
    ids,
    covers: matchesPattern,
    onChange: (change) => void changes.push(change),
  })
  const texts = () => grants.list('notes').map((grant) => `${grant.mode} ${grant.permission}`)
  return { grants, clock, changes, texts }
}

function createMemoryStore(): GrantStore & { json: unknown; failure: Error | undefined } {
  const store = {
    json: undefined as unknown,
    failure: undefined as Error | undefined,
    load: async () => store.json,
    async save(json: unknown) {
      await Promise.resolve()
      if (store.failure) throw store.failure
      store.json = structuredClone(json)
    },
  }
  return store
}

describe('grants', () => {
  test('K4: what was granted is there after a restart, but for the session’s', async () => {
    const store = createMemoryStore()
    const { grants } = await setUp(store)
    await grants.add({ ...request, permission: 'a' })
    await grants.add({ ...request, permission: 'b', duration: 'session' })

    const again = await setUp(store)

    expect(again.texts()).toEqual(['allow a'])
  })

  test('K4: a revocation holds as the call returns, and blanket consent does not undo it; a grant of its own does', async () => {
    const { grants, texts } = await setUp()
    await grants.consent('notes', ['a', 'b'], request)
    const saving = grants.revoke({ plugin: 'notes', permission: 'a' }, 'ada')
    expect(texts()).toEqual(['allow b', 'deny a'])
    await saving

    await grants.consent('notes', ['a', 'b', '**'], request)
    expect(texts()).toEqual(['allow b', 'allow **', 'deny a'])

    await grants.add({ ...request, permission: 'a' })
    await grants.consent('notes', ['a', 'b'], request)
    expect(texts()).toEqual(['allow **', 'allow a', 'allow b'])
  })

  test('K4: a revocation asked for while a grant is being written is the newer of the two', async () => {
    const { grants, texts } = await setUp()
    const adding = grants.add({ ...request, permission: 'a' })
    const revoking = grants.revoke({ plugin: 'notes', permission: 'a' }, 'ada')
    await Promise.all([adding, revoking])

    expect(texts().at(-1)).toBe('deny a')
  })

  test('K4: a full disk is told; nothing is granted, and what was revoked stays revoked', async () => {
    const store = createMemoryStore()
    const { grants, texts, changes } = await setUp(store)
    await grants.add({ ...request, permission: 'a' })
    store.failure = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })

    await expect(grants.add({ ...request, permission: 'b' })).rejects.toMatchObject({ code: 'PERMISSION_NOT_SAVED' })
    expect(texts()).toEqual(['allow a'])
    await expect(grants.revoke({ plugin: 'notes', permission: 'a' }, 'ada')).rejects.toMatchObject({
      code: 'PERMISSION_NOT_SAVED',
    })
    expect(texts()).toEqual(['deny a'])
    expect(changes.map((change) => change.kind)).toEqual(['granted', 'revoked'])
  })

  test('K4: a grant for once is spent once', async () => {
    const { grants, texts } = await setUp()
    const grant = await grants.add({ ...request, permission: 'a', duration: 'once' })

    const spending = grants.consume(grant.id)
    expect(texts()).toEqual([])
    await spending
    await expect(grants.consume(grant.id)).rejects.toMatchObject({ code: 'GRANT_UNKNOWN' })
  })
})

describe('grants on disk', () => {
  test('K4: the file is whole, private and read back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'grants-'))
    const path = join(folder, 'grants.json')
    const { grants } = await setUp(createGrantsFile(path))
    await grants.add({ ...request, permission: 'a' })

    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['grants.json'])
    expect((await setUp(createGrantsFile(path))).texts()).toEqual(['allow a'])
    await rm(folder, { recursive: true })
  })

  test.each([['{"version":1,"gra'], ['{"version":1,"grants":[{"id":"x"}]}']])(
    'K4: a damaged file (%s) is kept aside and nothing is granted',
    async (text) => {
      const folder = await mkdtemp(join(tmpdir(), 'grants-'))
      const path = join(folder, 'grants.json')
      const kept: string[] = []
      for (let n = 1; n <= 2; n++) {
        await writeFile(path, text)
        const { texts } = await setUp(createGrantsFile(path, { onCorrupt: (keptAs) => void kept.push(keptAs) }))
        expect(texts()).toEqual([])
      }

      expect(kept).toEqual([`${path}.corrupt-1`, `${path}.corrupt-2`])
      expect(await readFile(kept[1]!, 'utf8')).toBe(text)
      await rm(folder, { recursive: true })
    },
  )

  test.skipIf(process.getuid?.() === 0)(
    'K4: a folder that cannot be written is told, and the old file stays',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'grants-'))
      const path = join(folder, 'grants.json')
      const { grants } = await setUp(createGrantsFile(path))
      await grants.add({ ...request, permission: 'a' })
      await chmod(folder, 0o500)

      await expect(grants.add({ ...request, permission: 'b' })).rejects.toMatchObject({ code: 'PERMISSION_NOT_SAVED' })

      await chmod(folder, 0o700)
      expect((await setUp(createGrantsFile(path))).texts()).toEqual(['allow a'])
      await rm(folder, { recursive: true })
    },
  )
})

test('G6: grants that come while one is being written share the next write, and a failed write fails only those in it', async () => {
  const written: number[] = []
  let broken = false
  const store: GrantStore = {
    load: async () => undefined,
    async save(json) {
      await new Promise((done) => setImmediate(done))
      if (broken) throw new Error('no space')
      written.push((json as { grants: unknown[] }).grants.length)
    },
  }
  const { grants } = await setUp(store)
  const give = (n: number) => grants.add({ ...request, permission: `net:host-${n}.example` })

  const all = await Promise.all(Array.from({ length: 100 }, (_, n) => give(n)))

  expect(written).toEqual([100])
  expect(all.map(({ permission }) => permission)).toEqual(grants.list().map(({ permission }) => permission))
  await give(100)
  broken = true
  const late = await Promise.allSettled([give(101), give(102)])
  for (const { status } of late) expect(status).toBe('rejected')
  expect(grants.list()).toHaveLength(101)
})
