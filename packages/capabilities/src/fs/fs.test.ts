import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fsFace } from '../../../sdk/src/capabilities/fs.ts'
import { placeIn, temporaryFolder } from '../capability-testing.ts'
import { judgedCaller } from '../testing-call.ts'
import { createFsCapability, type FsOptions } from './fs.ts'
import { coversFs, fsConsent, parseFs } from './grammar.ts'
import { createTeller, type FileChange } from './watch.ts'

const nowhere = placeIn('/home/ada', 'notes')
const parse = (rest: string) => parseFs(rest, nowhere, '/home/ada')

describe('the grammar of fs', () => {
  const segment = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '*b', 'a*b')
  const pattern = fc
    .tuple(fc.constantFrom('read:', 'write:'), fc.array(segment, { maxLength: 3 }), fc.boolean())
    .map(([verb, segments, tree]) => `${verb}/${[...segments, ...(tree ? ['**'] : [])].join('/')}`)

  test('K4: covers is reflexive and transitive, and parsing a normal form changes nothing', () => {
    fc.assert(
      fc.property(pattern, pattern, pattern, (x, y, z) => {
        const [a, b, c] = [parse(x), parse(y), parse(z)]
        expect(parse(a)).toBe(a)
        expect(coversFs(a, a)).toBe(true)
        if (coversFs(a, b) && coversFs(b, c)) expect(coversFs(a, c)).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  test('K4: any text is refused with a reason or has a normal form without a way up', () => {
    const text = fc.array(fc.constantFrom('/', '.', '..', '*', '**', 'a', '~', '${data}', '\0', ' '), { maxLength: 8 })
    fc.assert(
      fc.property(text, (parts) => {
        let normal: string
        try {
          normal = parse(`read:${parts.join('')}`)
        } catch (error) {
          expect(error).toMatchObject({ code: 'MANIFEST_INVALID' })
          return
        }
        expect(parse(normal)).toBe(normal)
        expect(normal.split('/')).not.toContain('..')
      }),
    )
  })

  test.each([
    'read',
    '/x',
    'exec:/x',
    'read:',
    'read:x',
    'read:./x',
    'read:/a/../b',
    'read:/a//b',
    'read:/a/**/b',
    'read:/a/x**',
    'read:~bob/x',
    'read:${home}/x',
    'write:${package}/x',
    'read:/a\n',
    'read:${data}x',
  ])('K4: fs:%s is refused', (rest) => {
    expect(() => parse(rest)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
  })

  test.each([
    ['read:~/logs/*.log', 'read:/home/ada/logs/x.log', true],
    ['read:~/logs/*.log', 'read:/home/ada/logs/a/x.log', false],
    ['read:~/logs/**', 'read:/home/ada/logs', true],
    ['read:~/logs/**', 'read:/home/ada/logs/a/b', true],
    ['read:~/logs/**', 'read:/home/ada/logs2', false],
    ['read:~/logs/**', 'write:/home/ada/logs/x', false],
    ['write:~/logs/**', 'read:/home/ada/logs/x', false],
    ['read:~/logs/*', 'read:/home/ada/logs/x/**', false],
    ['read:~/*/logs/**', 'read:/home/ada/app/logs/x', true],
    ['read:/**', 'read:/', true],
    ['read:/a', 'read:/a/', true],
  ])('K4: fs:%s covers fs:%s: %s', (granted, wanted, allowed) => {
    expect(coversFs(parse(granted), parse(wanted))).toBe(allowed)
  })

  test('the consent screen says what is risky', () => {
    expect(fsConsent('read:/home/ada/logs/**')).toMatchObject({
      text: 'read everything below /home/ada/logs',
      risk: 'medium',
    })
    expect(fsConsent('read:/home/ada/**').risk).toBe('high')
    expect(fsConsent('read:/home/ada/.ssh/id').risk).toBe('high')
    expect(fsConsent('write:/home/ada/.config/**')).toMatchObject({ risk: 'high', traits: ['runs-code'] })
  })
})

describe('reading and writing', () => {
  test('a file is written whole, read back, in pieces too, and replaced with its mode kept', async () => {
    await using fs = open(['read:${workspace}/**', 'write:${workspace}/**'])
    await fs.writeText('note.txt', 'héllo')
    execFileSync('chmod', ['640', join(fs.place.workspace, 'note.txt')])

    await fs.writeText('note.txt', 'héllo again')
    await fs.append('note.txt', new TextEncoder().encode('!'))

    expect(await fs.readText('${workspace}/note.txt')).toBe('héllo again!')
    expect(await fs.readText('note.txt', { offset: 7, maxBytes: 5 })).toBe('again')
    expect(statSync(join(fs.place.workspace, 'note.txt')).mode & 0o777).toBe(0o640)
    expect(readdirSync(fs.place.workspace)).toEqual(['note.txt'])
    expect(await fs.stat('note.txt')).toMatchObject({ kind: 'file', size: 13 })
  })

  test('what is too large for one message crosses in pieces, both ways', async () => {
    await using fs = open(['read:${workspace}/**', 'write:${workspace}/**'])
    const bytes = new Uint8Array(1_500_000).map((_, i) => i % 251)

    await fs.write('big', bytes)
    await fs.write('again', new Blob([bytes]).stream(), { atomic: false })

    expect(Buffer.compare(await fs.read('big'), bytes)).toBe(0)
    expect(Buffer.compare(await fs.read('again'), bytes)).toBe(0)
  })

  test('a file past the limit is refused with advice, and a piece of it is not', async () => {
    await using fs = open(['read:${workspace}/**', 'write:${workspace}/**'], { maxBytes: 1_000 })
    writeFileSync(join(fs.place.workspace, 'big'), 'x'.repeat(1_001))

    await expect(fs.read('big')).rejects.toMatchObject({ code: 'FS_TOO_BIG', hint: expect.stringContaining('pieces') })
    expect(await fs.read('big', { maxBytes: 1_000 })).toHaveLength(1_000)
    await expect(fs.writeText('new', 'x'.repeat(1_001))).rejects.toMatchObject({ code: 'FS_TOO_BIG' })
    expect(readdirSync(fs.place.workspace)).toEqual(['big'])
  })

  test('folders are made, listed page by page, and removed with all in them', async () => {
    await using fs = open(['read:${workspace}/**', 'write:${workspace}/**'])
    await fs.mkdir('a/b/c')
    for (let i = 0; i < 2_050; i++) writeFileSync(join(fs.place.workspace, 'a/b', `f${i}`), '')

    const entries = await fs.list('a/b')

    expect(entries).toHaveLength(2_051)
    expect(entries[0]).toEqual({ name: 'c', kind: 'folder' })
    await expect(fs.remove('a')).rejects.toMatchObject({ code: 'FS_NOT_EMPTY' })
    await fs.remove('a', { recursive: true })
    expect(await fs.exists('a')).toBe(false)
  })

  test('a plugin’s own folder is made at its first write', async () => {
    await using fs = open(['write:${data}/**', 'read:${data}/**'])
    rmSync(fs.place.data, { recursive: true })

    await fs.writeText('${data}/state.json', '{}')

    expect(await fs.readText('${data}/state.json')).toBe('{}')
  })

  test('each failure has a code, and names the path as the plugin wrote it', async () => {
    await using fs = open(['read:${workspace}/**', 'write:${workspace}/**'])
    writeFileSync(join(fs.place.workspace, 'file'), '')

    await expect(fs.read('none')).rejects.toMatchObject({ code: 'FS_NOT_FOUND', message: 'none is not there' })
    await expect(fs.read('.')).rejects.toMatchObject({ code: 'FS_IS_FOLDER' })
    await expect(fs.list('file')).rejects.toMatchObject({ code: 'FS_NOT_FOLDER' })
    await expect(fs.writeText('file/x', '')).rejects.toMatchObject({ code: 'FS_NOT_FOLDER' })
    await expect(fs.mkdir('file')).rejects.toMatchObject({ code: 'FS_EXISTS' })
    await expect(fs.remove('.', { recursive: true })).rejects.toMatchObject({ code: 'FS_PROTECTED' })
  })
})

describe('a growing file', () => {
  test('S8: is followed through growth, half characters, truncation and rotation', async () => {
    await using fs = open(['read:${workspace}/**'])
    const log = join(fs.place.workspace, 'app.log')
    writeFileSync(log, Buffer.from('one é').subarray(0, 5))

    const first = await fs.readFrom('app.log', 0)
    appendFileSync(log, Buffer.from('é').subarray(1))
    const second = await fs.readFrom('app.log', first.nextOffset, first)
    writeFileSync(log, 'cut')
    const third = await fs.readFrom('app.log', second.nextOffset, second)
    renameSync(log, `${log}.1`)
    writeFileSync(log, 'a new and longer file')
    const fourth = await fs.readFrom('app.log', third.nextOffset, third)

    expect([first.text, second.text, third.text, fourth.text]).toEqual(['one ', 'é', 'cut', 'a new and longer file'])
    expect([first, second, third, fourth].map(({ rotated }) => rotated)).toEqual([false, false, true, true])
  })

  test('reading any text in any pieces gives back the text', async () => {
    await using fs = open(['read:${workspace}/**'])
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.integer({ min: 4, max: 9 }),
        async (text, maxBytes) => {
          writeFileSync(join(fs.place.workspace, 'text'), text)
          let read = ''
          for (let at = 0; ; ) {
            const piece = await fs.readFrom('text', at, { maxBytes })
            if (piece.nextOffset === at) break
            read += piece.text
            at = piece.nextOffset
          }
          expect(read).toBe(text.toWellFormed())
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('ways out', () => {
  test('K4: a link is judged by where it leads, to files, through folders and for what does not exist yet', async () => {
    await using fs = open(['read:${workspace}/**', 'write:${workspace}/**'])
    const outside = join(fs.folder, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'secret'), 'hunter2')
    symlinkSync(outside, join(fs.place.workspace, 'way'))
    symlinkSync(join(outside, 'secret'), join(fs.place.workspace, 'file'))
    symlinkSync(join(outside, 'not-yet'), join(fs.place.workspace, 'dangling'))

    for (const path of ['way/secret', 'file', 'way/../../outside/secret', '../outside/secret', join(outside, 'secret')])
      await expect(fs.readText(path)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    await expect(fs.list('way')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    await expect(fs.writeText('way/new', 'x')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    await expect(fs.mkdir('way/a/b')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    await expect(fs.rename('way/secret', 'mine')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    await expect(fs.writeText('dangling', 'x')).rejects.toMatchObject({ code: 'FS_LINK' })
    expect(readdirSync(outside)).toEqual(['secret'])
  })

  test('K4: removing a link removes the link, and a tree with links in it leaves what they lead to', async () => {
    await using fs = open(['write:${workspace}/**'])
    const outside = join(fs.folder, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'kept'), '')
    mkdirSync(join(fs.place.workspace, 'tree'))
    symlinkSync(outside, join(fs.place.workspace, 'tree/way'))
    symlinkSync(outside, join(fs.place.workspace, 'way'))

    await fs.remove('way')
    await fs.remove('tree', { recursive: true })

    expect(readdirSync(fs.place.workspace)).toEqual([])
    expect(readdirSync(outside)).toEqual(['kept'])
  })

  test.each([
    [
      'the file',
      'dir/file',
      (at: string) => {
        rmSync(join(at, 'dir/file'))
        symlinkSync('../../outside/file', join(at, 'dir/file'))
      },
    ],
    [
      'its folder',
      'dir/file',
      (at: string) => {
        renameSync(join(at, 'dir'), join(at, 'old'))
        symlinkSync('../outside', join(at, 'dir'))
      },
    ],
  ])('K4: a link that takes the place of %s after it was judged is noticed', async (_what, path, swap) => {
    await using fs = open(['read:${workspace}/**', 'write:${workspace}/**'])
    const { workspace } = fs.place
    mkdirSync(join(fs.folder, 'outside'))
    writeFileSync(join(fs.folder, 'outside/file'), 'hunter2')

    for (const [method, ...args] of [
      ['read', path],
      ['append', path, 'x'],
      ['write', path, 'x', { atomic: false }],
      ['list', 'dir'],
    ]) {
      rmSync(workspace, { recursive: true })
      mkdirSync(join(workspace, 'dir'), { recursive: true })
      writeFileSync(join(workspace, 'dir/file'), 'mine')
      fs.afterJudging(() => swap(workspace))
      const outcome = await fs.call(method as string, args).catch((error) => error)
      if (method !== 'list' || _what === 'its folder') expect(outcome).toMatchObject({ code: 'FS_CHANGED' })
    }
    expect(readFileSync(join(fs.folder, 'outside/file'), 'utf8')).toBe('hunter2')
  })

  test('K4: devices, pipes, sockets and the system’s own trees are no files', async () => {
    await using fs = open(['read:/**', 'write:/**'])
    const { workspace } = fs.place
    execFileSync('mkfifo', [join(workspace, 'pipe')])
    const server = createServer().listen(join(workspace, 'socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    symlinkSync('/proc/self', join(workspace, 'self'))

    for (const path of ['pipe', 'socket', 'self/environ', '/dev/zero', '/dev/fd/0', '/sys/kernel'])
      await expect(fs.read(path)).rejects.toMatchObject({ code: 'FS_SPECIAL' })
    await expect(fs.writeText('pipe', 'x')).rejects.toMatchObject({ code: 'FS_SPECIAL' })
    await expect(fs.append('pipe', 'x')).rejects.toMatchObject({ code: 'FS_SPECIAL' })
    await expect(fs.remove('/', { recursive: true })).rejects.toMatchObject({ code: 'FS_SPECIAL' })
    await new Promise((resolve) => server.close(resolve))
  })

  test.each(['a\0b', '', 'a*', 'x'.repeat(5_000)])('K4: the name %j is refused', async (path) => {
    await using fs = open(['read:/**'])

    await expect(fs.read(path)).rejects.toThrow()
    expect(fs.judged).toEqual([])
  })

  test('K4: other spellings are other files: case, trailing dots and spaces', async () => {
    await using fs = open(['read:${workspace}/a'])
    for (const name of ['A', 'a.', 'a ']) writeFileSync(join(fs.place.workspace, name), 'other')

    for (const name of ['A', 'a.', 'a ', './/./A'])
      await expect(fs.read(name)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  })

  test('K4: what belongs to Pryx opens to no grant, nor does a folder with it inside; the plugin’s own data does', async () => {
    const guarded: string[] = []
    await using fs = open(['read:/**', 'write:/**'], { guarded })
    const home = join(fs.folder, 'pryx')
    mkdirSync(join(home, 'vault'), { recursive: true })
    guarded.push(home)

    await expect(fs.list(home)).rejects.toMatchObject({ code: 'FS_PROTECTED' })
    await expect(fs.writeText(join(home, 'grants.json'), '{}')).rejects.toMatchObject({ code: 'FS_PROTECTED' })
    await expect(fs.rename(fs.folder, '/tmp/elsewhere')).rejects.toMatchObject({ code: 'FS_PROTECTED' })
    await expect(fs.remove(fs.folder, { recursive: true })).rejects.toMatchObject({ code: 'FS_PROTECTED' })
    guarded.push(fs.folder)
    await fs.writeText('${data}/own', 'fine')
  })

  test('K4: a plugin cannot write into its own package', async () => {
    await using fs = open(['read:/**', 'write:/**'])

    await expect(fs.writeText('${package}/plugin.js', 'evil')).rejects.toMatchObject({ code: 'FS_PROTECTED' })
  })

  test('K4: moving needs the right to read and to write, for a folder with all below it', async () => {
    await using fs = open(['write:${workspace}/**', 'read:${workspace}/*'])
    mkdirSync(join(fs.place.workspace, 'folder'))
    writeFileSync(join(fs.place.workspace, 'file'), '')

    await fs.rename('file', 'moved')
    await expect(fs.rename('folder', 'moved-folder')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    expect(lstatSync(join(fs.place.workspace, 'moved')).isFile()).toBe(true)
  })
})

describe('watching', () => {
  test('S1: changes, replacements and a file that is yet to come are told, until it stops', async () => {
    await using fs = open(['read:${workspace}/**'])
    const told = collect()
    const file = join(fs.place.workspace, 'app.log')
    const stop = await fs.watch('app.log', told.add)

    writeFileSync(file, 'one')
    await told.until((change) => change.kind === 'added' && change.path === '')
    appendFileSync(file, 'two')
    await told.until((change) => change.kind === 'changed')
    writeFileSync(`${file}.tmp`, 'three')
    renameSync(`${file}.tmp`, file)
    await told.until((change) => change.path === '')
    await stop()

    expect(fs.scope.size).toBe(0)
  })

  test('S1: a file whose folders come later, vanish and come back is told each time, and nothing beside it', async () => {
    await using fs = open(['read:${workspace}/logs/app/app.log'])
    const told = collect()
    const paths = new Set<string>()
    const folder = join(fs.place.workspace, 'logs', 'app')
    const file = join(folder, 'app.log')
    await fs.watch('logs/app/app.log', (changes) => {
      for (const { path } of changes) paths.add(path)
      told.add(changes)
    })
    const comes = async (text: string) => {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'beside.log'), text)
      writeFileSync(file, text)
      await told.until(({ kind }) => kind !== 'removed')
    }

    await comes('one')
    rmSync(join(folder, '..'), { recursive: true })
    await told.until(({ kind }) => kind === 'removed')
    await comes('two')
    renameSync(join(folder, '..'), join(fs.place.workspace, 'old'))
    await told.until(({ kind }) => kind === 'removed')
    await comes('three')
    appendFileSync(file, 'four')
    await told.until(({ kind }) => kind === 'changed')

    expect(paths).toEqual(new Set(['']))
  })

  test('K4: a folder that comes as a link is not followed: nothing is told of what lies behind it', async () => {
    await using fs = open(['read:${workspace}/logs/app.log'])
    const told = collect()
    const elsewhere = join(fs.place.workspace, 'elsewhere')
    mkdirSync(elsewhere)
    await fs.watch('logs/app.log', told.add)

    symlinkSync(elsewhere, join(fs.place.workspace, 'logs'))
    writeFileSync(join(elsewhere, 'app.log'), 'secret')
    await new Promise((resolve) => setTimeout(resolve, 1_300)) // longer than its own look at things
    rmSync(join(fs.place.workspace, 'logs'))
    mkdirSync(join(fs.place.workspace, 'logs'))
    expect(told.all).toEqual([])
    writeFileSync(join(fs.place.workspace, 'logs/app.log'), 'mine')

    await told.until(({ kind }) => kind === 'added')
  })

  test('S1: a tree is watched only with the right to the tree, and without what is left out', async () => {
    await using fs = open(['read:${workspace}/**'])
    await using narrow = open(['read:${workspace}/*'])
    const told = collect()
    mkdirSync(join(fs.place.workspace, 'src/node_modules'), { recursive: true })
    await fs.watch('.', told.add, { recursive: true })

    writeFileSync(join(fs.place.workspace, 'src/node_modules/x'), '')
    writeFileSync(join(fs.place.workspace, 'src/y'), '')

    await told.until((change) => change.path === 'src/y')
    expect(told.all.map(({ path }) => path)).not.toContain('src/node_modules/x')
    await expect(narrow.watch('.', told.add, { recursive: true })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  })

  test('a plugin that is slow gets one batch at a time, one entry a path, and an overflow past the limit', async () => {
    const batches: FileChange[][] = []
    let release = () => {}
    const arrived = Promise.withResolvers<void>()
    const teller = createTeller((changes) => {
      batches.push(changes)
      arrived.resolve()
      return new Promise<void>((resolve) => (release = resolve))
    })
    teller.add({ kind: 'removed', path: 'a' })
    teller.add({ kind: 'added', path: 'a' })
    await arrived.promise
    for (let i = 0; i < 1_500; i++) teller.add({ kind: 'changed', path: String(i) })

    expect(batches).toEqual([[{ kind: 'changed', path: 'a' }]])
    release()
    await expect.poll(() => batches.length).toBe(2)

    expect(batches[1]).toEqual([{ kind: 'overflow', path: '' }])
    teller.stop()
  })
})

function open(granted: string[], options: FsOptions = {}) {
  const temporary = temporaryFolder()
  const folder = realpathSync(temporary.path)
  const place = placeIn(folder, 'notes')
  for (const each of [place.workspace, place.data, place.package]) mkdirSync(each, { recursive: true })
  const capability = createFsCapability({ home: folder, ...options })
  let judgedHook = () => {}
  const methods = Object.fromEntries(
    Object.entries(capability.methods).map(([name, method]) => [
      name,
      {
        ...method,
        run(...args: Parameters<typeof method.run>) {
          judgedHook()
          return method.run(...args)
        },
      },
    ]),
  )
  const caller = judgedCaller({ ...capability, methods }, place, granted)
  return {
    ...caller,
    ...fsFace((method, args) => caller.call(method, args)),
    place,
    folder,
    afterJudging: (hook: () => void) => (judgedHook = hook),
    async [Symbol.asyncDispose]() {
      await caller[Symbol.asyncDispose]()
      temporary[Symbol.dispose]()
      expect(existsSync(folder)).toBe(false)
    },
  }
}

function collect() {
  const all: FileChange[] = []
  let wake = () => {}
  return {
    all,
    add: (changes: FileChange[]) => {
      all.push(...changes)
      wake()
    },
    /** Waits for such a change and forgets what came before. */
    async until(wanted: (change: FileChange) => boolean) {
      while (!all.some(wanted)) await new Promise<void>((resolve) => (wake = resolve))
      all.length = 0
    },
  }
}
