import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { placeIn, temporaryFolder } from '../capability-testing.ts'
import { judgedCaller } from '../testing-call.ts'
import { createDesktopCapability, parseDesktop } from './desktop.ts'
import { createScreen, type Note } from './screen.ts'

const place = placeIn('/nowhere', 'notes')

test('K4: a note needs its permission and carries the name of its plugin; what would hide or turn around text is left out', async () => {
  const shown: Note[] = []
  const desktop = createDesktopCapability({ available: () => true, show: async (note) => void shown.push(note) })
  await using stranger = judgedCaller(desktop, place, [])
  await expect(stranger.call('notify', [{ title: 'x' }])).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  await expect(stranger.call('available', [])).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  await using notes = judgedCaller(desktop, place, ['notify'])

  expect(await notes.call('available', [])).toBe(true)
  await notes.call('notify', [
    { title: 'Milk\u001b[2J\nis\u202e out', body: 'one\ntwo\u0000\u2066three', urgency: 'low' },
  ])

  expect(shown).toEqual([{ from: 'Pryx, notes', title: 'Milk [2J is  out', body: 'one\ntwo three', urgency: 'low' }])
})

test.each([
  {},
  { title: '' },
  { title: 'x'.repeat(201) },
  { title: 'x', body: 'y'.repeat(2_001) },
  { title: 'x', icon: '/etc/passwd' },
])('K4: %j is refused', async (note) => {
  const desktop = createDesktopCapability({ available: () => true, show: () => Promise.reject(new Error('shown')) })
  await using notes = judgedCaller(desktop, place, ['notify'])
  await expect(notes.call('notify', [note])).rejects.toThrow(/Invalid|Too|Unrecognized/)
})

test('K3: a plugin cannot bury the screen, and takes nobody else’s room', async () => {
  let [now, shown] = [0, 0]
  const screen = { available: () => true, show: async () => void shown++ }
  const desktop = createDesktopCapability(screen, () => now)
  await using notes = judgedCaller(desktop, place, ['notify'])
  await using other = judgedCaller(desktop, placeIn('/nowhere', 'other'), ['notify'])
  for (let n = 0; n < 10; n++) await notes.call('notify', [{ title: 'x' }])

  await expect(notes.call('notify', [{ title: 'x' }])).rejects.toMatchObject({
    code: 'DESKTOP_RATE',
    details: { waitMs: 6_000 },
  })
  await other.call('notify', [{ title: 'x' }])
  now = 6_000
  await notes.call('notify', [{ title: 'x' }])
  await expect(notes.call('notify', [{ title: 'x' }])).rejects.toMatchObject({ code: 'DESKTOP_RATE' })

  expect(shown).toBe(12)
})

test.each(['', '*', 'notify:x', 'read'])('K4: desktop:%s is refused', (rest) => {
  expect(() => parseDesktop(rest)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
})

test('S3: words reach the program of the desktop as they are, as arguments, with nothing of the host’s that it does not need', async () => {
  using folder = temporaryFolder()
  const told = join(folder.path, 'told')
  program(folder.path, 'notify-send', `printf '%s\\0' "$@" > ${told}; env > ${told}.env`)
  const screen = createScreen({
    platform: 'linux',
    env: { PATH: `${folder.path}:/usr/bin:/bin`, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/x', API_KEY: 'hunter2' },
  })

  const note = {
    from: 'Pryx, notes',
    title: '--version $(id) "',
    body: '<b>a & b</b>\n`id`',
    urgency: 'critical',
  } as const
  await screen.show(note, new AbortController().signal)

  expect(readFileSync(told, 'utf8').split('\0').slice(0, -1)).toEqual([
    ...['--app-name', 'Pryx, notes', '--urgency', 'critical', '--'],
    'Pryx, notes: --version $(id) "',
    '&lt;b&gt;a &amp; b&lt;/b&gt;\n`id`',
  ])
  expect(readFileSync(`${told}.env`, 'utf8')).not.toContain('hunter2')
})

test('S3: on macOS no word of a plugin comes where an option or a script is read', async () => {
  using folder = temporaryFolder()
  const told = join(folder.path, 'told')
  program(folder.path, 'osascript', `printf '%s\\0' "$@" > ${told}`)
  const screen = createScreen({ platform: 'darwin', env: { PATH: `${folder.path}:/usr/bin:/bin` } })

  await screen.show({ from: 'Pryx, notes', title: '-e', body: '" & (do shell script "id")', urgency: 'low' }, signal())

  const words = readFileSync(told, 'utf8').split('\0').slice(0, -1)
  expect(words.slice(-3)).toEqual(['Pryx, notes', '-e', '" & (do shell script "id")'])
  expect(words.slice(0, 6).filter((_, i) => i % 2 === 0)).toEqual(['-e', '-e', '-e'])
})

test('S3: no desktop, no program and a program that fails are told apart, with what to do', async () => {
  using folder = temporaryFolder()
  const bus = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/x' }
  const note = { from: 'Pryx, notes', title: 'x', body: '', urgency: 'normal' } as const
  const headless = createScreen({ platform: 'linux', env: { PATH: folder.path } })
  const bare = createScreen({ platform: 'linux', env: { PATH: folder.path, ...bus } })
  const windows = createScreen({ platform: 'win32', env: { PATH: folder.path } })

  for (const screen of [headless, bare, windows]) {
    expect(screen.available()).toBe(false)
    await expect(screen.show(note, signal())).rejects.toMatchObject({ code: 'DESKTOP_NONE', hint: expect.any(String) })
  }
  program(folder.path, 'notify-send', 'echo "org.freedesktop.Notifications was not provided" >&2; exit 1')
  expect(bare.available()).toBe(true)
  await expect(bare.show(note, signal())).rejects.toMatchObject({
    code: 'DESKTOP_FAILED',
    message: expect.stringContaining('was not provided'),
  })
})

function program(folder: string, name: string, script: string): void {
  const file = join(folder, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
}

function signal(): AbortSignal {
  return new AbortController().signal
}
