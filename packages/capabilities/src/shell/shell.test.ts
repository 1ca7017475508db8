import { chmodSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { placeIn, temporaryFolder } from '../capability-testing.ts'
import { isRunning, judgedCaller } from '../testing-call.ts'
import { commandRest, coversCommand, createCommandGrammar } from './grammar.ts'
import { createShellCapability, type RunResult } from './shell.ts'

const { parse, consent } = createCommandGrammar('shell', 'run')

describe('the grammar of commands', () => {
  const words = fc.array(fc.constantFrom('a', 'b', '', ' ', 'a b', '%', '%20', '-x', '\n', 'é', '\ud800'), {
    maxLength: 10,
  })

  test('K4: what a command line needs is a permission, covered by each of its beginnings and by no other', () => {
    fc.assert(
      fc.property(words, words, (args, others) => {
        const wanted = commandRest('git', args)
        expect(parse(wanted)).toBe(wanted)
        const granted = commandRest('git', others)
        const begins = others.slice(0, 7).every((word, i) => i < args.length && word === args[i])
        if (!others.includes('\ud800')) expect(coversCommand(granted, wanted)).toBe(begins)
      }),
    )
  })

  test('K4: covers is reflexive and transitive', () => {
    fc.assert(
      fc.property(words, words, words, (x, y, z) => {
        const [a, b, c] = [x, y, z].map((args) => commandRest('git', args)) as [string, string, string]
        expect(coversCommand(a, a)).toBe(true)
        if (coversCommand(a, b) && coversCommand(b, c)) expect(coversCommand(a, c)).toBe(true)
      }),
    )
  })

  test.each([
    '',
    '*',
    '/usr/bin/git',
    './git',
    '../git',
    'git  status',
    ' git',
    'git ',
    'git;ls',
    'git\nls',
    '-rf',
    'git %zz',
    'git a b c d e f g h',
  ])('K4: shell:%j is refused', (rest) => {
    expect(() => parse(rest)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
  })

  test('the consent screen says what is risky', () => {
    expect(consent('git').risk).toBe('high')
    expect(consent('git status')).toMatchObject({ risk: 'medium', text: 'run “git status …”' })
    for (const name of ['bash', 'python3.11', 'node', 'sudo', 'xargs'])
      expect(consent(name).text).toContain('any program')
  })
})

describe('running', () => {
  test('K4: arguments arrive as they are, and nothing is read by a shell', async () => {
    await using shell = open(['printf'])

    const args = ['%s|', '$(id)', '; ls', '"', '*', 'a b', '']

    expect(await shell.run({ command: 'printf', args })).toEqual({
      exitCode: 0,
      signal: undefined,
      stdout: '$(id)|; ls|"|*|a b||',
      stderr: '',
      truncated: false,
    })
  })

  test('K4: only what begins as granted may run', async () => {
    await using shell = open(['printf one'])

    expect((await shell.run({ command: 'printf', args: ['one'] })).stdout).toBe('one')
    await expect(shell.run({ command: 'printf', args: ['one two'] })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    })
    await expect(shell.run({ command: 'echo' })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  })

  test('input goes in, a failure is an answer, and long output is cut while the program goes on', async () => {
    await using shell = open(['cat', 'sh'])

    expect((await shell.run({ command: 'cat', stdin: 'through' })).stdout).toBe('through')
    expect(await shell.run({ command: 'sh', args: ['-c', 'echo no >&2; exit 3'] })).toMatchObject({
      exitCode: 3,
      stderr: 'no\n',
    })
    const long = await shell.run({ command: 'sh', args: ['-c', 'head -c 1000000 /dev/zero; exit 4'], maxBytes: 10 })
    expect(long).toMatchObject({ exitCode: 4, stdout: '\0'.repeat(10), truncated: true })
  })

  test('K4: the environment is small, and what loads code is not taken', async () => {
    await using shell = open(['env'], { SECRET_TOKEN: 'hunter2', NODE_OPTIONS: '--inspect' })

    const { stdout } = await shell.run({ command: 'env', env: { COLOUR: 'blue' } })

    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0])
    expect(names.toSorted()).toEqual(['COLOUR', 'HOME', 'LANG', 'PATH', 'PRYX_CHILD'])
    for (const name of [
      'LD_PRELOAD',
      'NODE_OPTIONS',
      'PATH',
      'GIT_SSH_COMMAND',
      'PYTHONPATH',
      'BASH_ENV',
      'http_proxy',
      'PAGER',
      'HOME',
    ])
      await expect(shell.run({ command: 'env', env: { [name]: 'x' } })).rejects.toMatchObject({ code: 'SHELL_ENV' })
  })

  test('K4: a program in the workspace, behind a link to it, or where all may write, does not count', async () => {
    using temporary = temporaryFolder()
    const folder = realpathSync(temporary.path)
    const place = placeIn(folder, 'tools')
    for (const each of [place.workspace, place.data, join(folder, 'bin'), join(folder, 'open')]) mkdirSync(each)
    for (const each of [place.workspace, join(folder, 'open')]) script(join(each, 'tool'))
    chmodSync(join(folder, 'open'), 0o777)
    symlinkSync(join(place.workspace, 'tool'), join(folder, 'bin/tool'))
    const PATH = [place.workspace, join(folder, 'open'), '.', '', join(folder, 'bin')].join(':')
    await using caller = judgedCaller(createShellCapability({ env: { PATH } }), place, ['tool', 'mine'])

    await expect(caller.call('run', [{ command: 'tool' }])).rejects.toMatchObject({ code: 'SHELL_NOT_FOUND' })
    script(join(folder, 'bin/mine'))
    expect(await caller.call('run', [{ command: 'mine' }])).toMatchObject({ exitCode: 0 })
  })

  test('K4: it runs in the workspace or the plugin’s data, not elsewhere, not through a link', async () => {
    await using shell = open(['pwd'])
    symlinkSync('/', join(shell.place.workspace, 'way'))

    expect((await shell.run({ command: 'pwd' })).stdout).toBe(`${shell.place.workspace}\n`)
    expect((await shell.run({ command: 'pwd', cwd: '${data}' })).stdout).toBe(`${shell.place.data}\n`)
    for (const cwd of ['/', '..', 'way', 'way/tmp', 'none'])
      await expect(shell.run({ command: 'pwd', cwd })).rejects.toMatchObject({ code: 'SHELL_CWD' })
  })

  test('K11: a program that takes too long, and all it started, are gone within 3 s', async () => {
    await using shell = open(['sh'])
    const stubborn =
      "trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 0.2; done' & echo started; while :; do sleep 0.2; done"
    const began = performance.now()

    await expect(shell.run({ command: 'sh', args: ['-c', stubborn], timeoutMs: 200 })).rejects.toMatchObject({
      code: 'SHELL_TIMEOUT',
    })

    expect(performance.now() - began).toBeLessThan(3_200)
    expect(shell.scope.size).toBe(0)
  })

  test('K11: an abort ends it with the reason, also what left its group', async () => {
    await using shell = open(['sh'])
    const controller = new AbortController()
    const file = join(shell.place.workspace, 'pid')
    const running = shell.run(
      { command: 'sh', args: ['-c', `setsid sleep 60 & echo $! > ${file}; wait`] },
      controller.signal,
    )
    const pid = await appearing(file)

    controller.abort(new Error('enough'))

    await expect(running).rejects.toThrow('enough')
    await expect.poll(() => isRunning(pid)).toBe(false)
  })

  test('K11: what a program leaves running ends with it', async () => {
    await using shell = open(['sh'])

    const { stdout } = await shell.run({ command: 'sh', args: ['-c', 'sleep 60 & echo $!'] })

    await expect.poll(() => isRunning(Number(stdout))).toBe(false)
  })
})

function open(granted: string[], env: Record<string, string> = {}) {
  const temporary = temporaryFolder()
  const place = placeIn(realpathSync(temporary.path), 'tools')
  for (const each of [place.workspace, place.data, place.package]) mkdirSync(each)
  const host = { env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/home/ada', ...env } }
  const caller = judgedCaller(createShellCapability(host), place, granted)
  return {
    ...caller,
    place,
    run: (request: object, signal?: AbortSignal) => caller.call<RunResult>('run', [request], signal),
    async [Symbol.asyncDispose]() {
      await caller[Symbol.asyncDispose]()
      temporary[Symbol.dispose]()
    },
  }
}

function script(path: string): void {
  writeFileSync(path, '#!/bin/sh\nexit 0\n', { mode: 0o755 })
}

async function appearing(file: string): Promise<number> {
  const read = () => {
    try {
      return Number(readFileSync(file, 'utf8'))
    } catch {
      return 0
    }
  }
  await expect.poll(read).toBeGreaterThan(0)
  return read()
}
