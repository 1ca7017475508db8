import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type DesktopNote, PryxError } from '@pryx/sdk'
import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'

const folder = fileURLToPath(new URL('..', import.meta.url))
const POLL = { timeout: 20_000 } // it starts at its first event
const options = { folder, grant: 'declared' } as const
const notice = (id: string, more: object = {}) => ({
  ...{ id, at: 0, kind: 'failed', level: 'error', title: 'backup failed', text: 'No space left.', escalates: false },
  ...more,
})

test('S3: a notice of the scheduler is on the screen once; one that escalates comes again; nobody else’s is', {
  timeout: 60_000,
}, async () => {
  const shown: DesktopNote[] = []
  await using pryx = await createHarness({
    folder,
    grant: 'declared',
    fake: { desktop: { notify: (note: DesktopNote) => void shown.push(note) } },
  })

  await pryx.emit('notice.raised', notice('a'))
  await pryx.emit('notice.raised', notice('a'))
  await pryx.emit('notice.raised', notice('b', { level: 'info', title: '', text: 'x'.repeat(3_000), left: 2 }))
  await pryx.emit('notice.raised', notice('b', { level: 'info', title: '', text: 'y', left: 1 }))
  await pryx.emit('notice.raised', { id: 7 })
  await pryx.emit('approval.needed', { plugin: 'notes', sentence: 'read your mail' }) // the host is not the kernel

  await expect.poll(() => shown.length, POLL).toBe(3)
  expect(shown).toEqual([
    { title: 'backup failed', body: 'No space left.', urgency: 'critical' },
    { title: 'b', body: `${'x'.repeat(999)}…`, urgency: 'normal' },
    { title: 'b', body: 'y', urgency: 'normal' },
  ])
})

test('S3: what was shown is known to the next instance, and levels that are not wanted are left out', {
  timeout: 60_000,
}, async () => {
  const shown: DesktopNote[] = []
  const fake = { desktop: { notify: (note: DesktopNote) => void shown.push(note) } }
  await using pryx = await createHarness({ folder, fake, grant: 'declared', config: { notices: ['error'] } })
  await pryx.emit('notice.raised', notice('a'))
  await expect.poll(() => shown.length, POLL).toBe(1)
  await pryx.reload()

  await pryx.emit('notice.raised', notice('a'))
  await pryx.emit('notice.raised', notice('b', { level: 'warning' }))
  await pryx.emit('notice.raised', notice('c', { title: 'last' }))

  await expect.poll(() => shown.map(({ title }) => title), POLL).toEqual(['backup failed', 'last'])
})

test('S3: a desktop that is not there is said once and harms nothing', { timeout: 60_000 }, async () => {
  let tried = 0
  const notify = () => {
    tried++
    throw new PryxError('DESKTOP_NONE', 'nobody there')
  }
  await using pryx = await createHarness({ ...options, fake: { desktop: { notify } } })
  for (const id of ['a', 'b', 'c']) await pryx.emit('notice.raised', notice(id))

  await expect.poll(() => tried, POLL).toBe(3)
  expect(pryx.logs.filter(({ level }) => level === 'warn')).toHaveLength(1)
})

test('K4: told no, it stays up and says so once', { timeout: 60_000 }, async () => {
  await using pryx = await createHarness({ folder, grant: ['events:on:notice.raised'], fake: { desktop: {} } })
  for (const id of ['a', 'b']) await pryx.emit('notice.raised', notice(id))

  const warnings = () => pryx.logs.filter(({ level }) => level === 'warn').map(({ text }) => text)
  await expect.poll(warnings, POLL).toEqual([expect.stringContaining('not shown')])
  expect(pryx.status).toMatchObject({ stage: 'active', failures: 0 })
})

test('K4: it may show notes and nothing else', () => {
  const { pryx } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect(pryx.permissions).toEqual(['desktop:notify'])
  expect(pryx.events.emits).toEqual([])
})
