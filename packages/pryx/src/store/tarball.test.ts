import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pathProblem } from './files.ts'
import { readTarball } from './tarball.ts'
import { archive, type TestEntry, tarball } from './tarball-testing.ts'

const RUNS = process.env.PRYX_DEEP ? 20_000 : 300
const good: TestEntry = { path: 'package/package.json', content: '{}' }
const read = (...entries: TestEntry[]) => readTarball(tarball([good, ...entries]), 'weather@1.0.0')

test('K10: a tarball is read as npm means it: files by path, without the first folder', async () => {
  const deep = `package/${'folder/'.repeat(20)}file-with-a-long-name.txt`

  const files = await read(
    { path: 'package/dist/', type: '5' },
    { path: 'package/dist/plugin.js', content: 'code' },
    { path: deep, content: 'deep' },
  )

  expect([...files].map(([path, content]) => [path, Buffer.from(content).toString()])).toEqual([
    ['package.json', '{}'],
    ['dist/plugin.js', 'code'],
    [deep.slice(8), 'deep'],
  ])
})

describe('K10: an evil tarball is refused as a whole, by name and reason', () => {
  const evil: [string, TestEntry[], string, RegExp][] = [
    ['leads out', [{ path: 'package/../../evil', content: 'x' }], 'PACKAGE_UNSAFE', /leads out/],
    ['leads out at the start', [{ path: '../evil', content: 'x' }], 'PACKAGE_UNSAFE', /outside/],
    ['folder that leads out', [{ path: 'package/../../evil/', type: '5' }], 'PACKAGE_UNSAFE', /leads out/],
    ['absolute path', [{ path: '/etc/cron.d/evil', content: 'x' }], 'PACKAGE_UNSAFE', /absolute/],
    ['drive letter', [{ path: 'package/c:/evil', content: 'x' }], 'PACKAGE_UNSAFE', /absolute/],
    ['backslashes', [{ path: 'package/..\\..\\evil', content: 'x' }], 'PACKAGE_UNSAFE', /character/],
    [
      'long name that leads out',
      [{ path: `package/${'a/'.repeat(60)}${'../'.repeat(80)}evil`, content: 'x' }],
      'PACKAGE_UNSAFE',
      /leads out|deep/,
    ],
    ['symbolic link', [{ path: 'package/link', type: '2', link: '/etc/passwd' }], 'PACKAGE_UNSAFE', /symbolic link/],
    [
      'symbolic link to inside',
      [{ path: 'package/link', type: '2', link: 'package.json' }],
      'PACKAGE_UNSAFE',
      /symbolic link/,
    ],
    ['hard link', [{ path: 'package/link', type: '1', link: '/etc/passwd' }], 'PACKAGE_UNSAFE', /hard link/],
    ['character device', [{ path: 'package/zero', type: '3' }], 'PACKAGE_UNSAFE', /device/],
    ['block device', [{ path: 'package/disk', type: '4' }], 'PACKAGE_UNSAFE', /device/],
    ['pipe', [{ path: 'package/pipe', type: '6' }], 'PACKAGE_UNSAFE', /pipe/],
    ['name of a device', [{ path: 'package/aux.js', content: 'x' }], 'PACKAGE_UNSAFE', /device/],
    [
      'same file in other letters',
      [
        { path: 'package/A.js', content: '1' },
        { path: 'package/a.js', content: '2' },
      ],
      'PACKAGE_UNSAFE',
      /same file/,
    ],
    [
      'same file twice',
      [
        { path: 'package/a.js', content: '1' },
        { path: 'package/a.js', content: '2' },
      ],
      'PACKAGE_UNSAFE',
      /twice/,
    ],
    [
      'same file by Unicode',
      [
        { path: 'package/caf\u00e9', content: '1' },
        { path: 'package/cafe\u0301', content: '2' },
      ],
      'PACKAGE_UNSAFE',
      /same file/,
    ],
    [
      'file and folder',
      [
        { path: 'package/a', content: '1' },
        { path: 'package/A/b', content: '2' },
      ],
      'PACKAGE_UNSAFE',
      /which is a file/,
    ],
    [
      'folder and file',
      [
        { path: 'package/a/b', content: '1' },
        { path: 'package/a', content: '2' },
      ],
      'PACKAGE_UNSAFE',
      /a file and a folder/,
    ],
    ['too deep', [{ path: `package/${'d/'.repeat(30)}x`, content: '1' }], 'PACKAGE_UNSAFE', /deep/],
    ['hidden direction marks', [{ path: 'package/a\u202etxt.js', content: '1' }], 'PACKAGE_UNSAFE', /character/],
  ]
  test.each(evil)('%s', async (_name, entries, code, message) => {
    await expect(read(...entries)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})

describe('K10: a tarball that would fill memory or disk is refused before it does', () => {
  test('100,000 files', async () => {
    await expect(readTarball(gzipSync(emptyFiles(100_000), { level: 1 }), 'many')).rejects.toMatchObject({
      code: 'PACKAGE_TOO_LARGE',
    })
  })

  test('a small file that unpacks to more than is allowed', async () => {
    const bomb = gzipSync(Buffer.alloc(80 * 1_048_576), { level: 1 })
    expect(bomb.length).toBeLessThan(1_048_576)

    await expect(readTarball(bomb, 'bomb')).rejects.toMatchObject({ code: 'PACKAGE_TOO_LARGE' })
  })

  test('a bomb in a bomb', async () => {
    await expect(readTarball(gzipSync(gzipSync(Buffer.alloc(1_048_576))), 'twice')).rejects.toMatchObject({
      code: 'PACKAGE_DAMAGED',
      message: expect.stringMatching(/packed twice/),
    })
  })
})

test('K10: a tarball that was cut off anywhere is refused', async () => {
  const whole = tarball([good, { path: 'package/plugin.js', content: 'x'.repeat(3_000) }])
  const flat = archive([good, { path: 'package/plugin.js', content: 'x'.repeat(3_000) }])

  for (let at = 0; at < whole.length - 1; at += 7)
    await expect(readTarball(whole.subarray(0, at), 'cut')).rejects.toMatchObject({
      code: expect.stringMatching(/^PACKAGE_/),
    })
  for (const at of [100, 512, 600, 1_100, 1_536, 2_000, 4_000])
    await expect(readTarball(gzipSync(flat.subarray(0, at)), 'cut')).rejects.toMatchObject({
      code: expect.stringMatching(/^PACKAGE_/),
    })
})

test('K10: whatever the bytes of the headers say, the answer is safe paths or a clear refusal', async () => {
  const flat = archive([
    good,
    { path: 'package/plugin.js', content: 'code' },
    { path: 'package/dist/a.txt', content: 'a' },
  ])
  const change = fc.record({ at: fc.nat(flat.length - 1), byte: fc.nat(255) })

  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), fc.boolean(), async (changes, mended) => {
      const bytes = Buffer.from(flat)
      for (const { at, byte } of changes) bytes[at] = byte
      if (mended) for (let at = 0; at + 512 <= bytes.length; at += 512) mendChecksum(bytes.subarray(at, at + 512))
      try {
        const files = await readTarball(gzipSync(bytes), 'fuzzed')
        for (const path of files.keys()) expect(pathProblem(path)).toBeUndefined()
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^PACKAGE_(DAMAGED|UNSAFE|TOO_LARGE)$/) })
      }
    }),
    { numRuns: RUNS },
  )
})

test('K10: a path that passes stays inside, whatever it is made of', () => {
  const part = fc.constantFrom('..', '.', '', 'a', 'con', 'x.', '~', 'C:', '\\', '\u0000', 'package', ' ')

  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const path = parts.join('/')
      if (pathProblem(path) !== undefined) return
      expect(new URL(path, 'file:///root/inside/').pathname.startsWith('/root/inside/')).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

/** Headers of empty files, `package/000000` and on; made from one, for speed. */
function emptyFiles(count: number): Buffer {
  const one = archive([{ path: 'package/000000' }]).subarray(0, 512)
  const sum = Number.parseInt(one.toString('latin1', 148, 154), 8)
  const all = Buffer.alloc(count * 512 + 1_024)
  for (let i = 0; i < count; i++) {
    const name = String(i).padStart(6, '0')
    const added = [...name].reduce((total, digit) => total + Number(digit), 0)
    one.copy(all, i * 512)
    all.write(name, i * 512 + 8)
    all.write((sum + added).toString(8).padStart(6, '0'), i * 512 + 148)
  }
  return all
}

/** So that a change gets past the first check. */
function mendChecksum(header: Buffer): void {
  if (header.subarray(257, 262).toString() !== 'ustar') return
  header.write('        ', 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
}
