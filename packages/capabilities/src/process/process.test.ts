import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { processFace } from '../../../sdk/src/capabilities/process.ts'
import { placeIn, temporaryFolder } from '../capability-testing.ts'
import { isRunning, judgedCaller } from '../testing-call.ts'
import { createLines, type OutputLine } from './lines.ts'
import { createProcessCapability } from './process.ts'
import { reapLeftovers } from './records.ts'

describe('lines', () => {
  test('L2: text cut anywhere gives the same lines, and the last 500 are kept', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 5 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        (texts, size) => {
          const lines = createLines(() => 0)
          const wanted = texts.map((text) => text.replace(/[\r\n]/g, ''))
          const bytes = new TextEncoder().encode(wanted.map((text) => `${text}\n`).join(''))
          for (let at = 0; at < bytes.length; at += size) lines.write('stdout', bytes.subarray(at, at + size))
          lines.end()
          expect(lines.last(100).map(({ text }) => text)).toEqual(wanted)
        },
      ),
    )
    const many = createLines(() => 0)
    many.write('stdout', new TextEncoder().encode('x\n'.repeat(1_200)))
    expect(many.last(1_000)).toHaveLength(500)
    expect(many.last(1)).toEqual([{ from: 'stdout', text: 'x', at: 0, seq: 1_200 }])
  })

  test('a follower that is slow misses lines and is told how many', async () => {
    const lines = createLines(() => 0)
    const reader = lines.follow().getReader()
    lines.write('stdout', new TextEncoder().encode('x\n'.repeat(1_500)))
    lines.end()

    const first = (await reader.read()).value as OutputLine

    expect(first).toMatchObject({ seq: 501, dropped: 500 })
  })
})

test('K11: a process is started, listed by tag, spoken to, followed and waited for', async () => {
  await using processes = open(['cat'])
  const { id } = await processes.start({ command: 'cat', tags: ['chat'] })

  await processes.write(id, 'one\ntwo', { end: true })
  const seen = await Array.fromAsync((await processes.output(id)) as unknown as AsyncIterable<OutputLine>)
  const ended = await processes.wait(id)

  expect(seen.map(({ text }) => text)).toEqual(['one', 'two'])
  expect(ended).toMatchObject({ id, state: 'ended', exitCode: 0, tags: ['chat'] })
  expect((await processes.lines(id, { max: 1 })).map(({ text }) => text)).toEqual(['two'])
  expect(await processes.list({ tag: 'chat' })).toHaveLength(1)
  expect(await processes.list({ tag: 'other' })).toEqual([])
  await expect(processes.write(id, 'x')).rejects.toMatchObject({ code: 'PROCESS_ENDED' })
})

test('K4: a plugin sees its own processes only', async () => {
  const capability = createProcessCapability()
  await using mine = open(['sleep'], { capability })
  await using other = open(['sleep'], { capability, plugin: 'other' })
  const { id } = await mine.start({ command: 'sleep', args: ['60'] })

  expect(await other.list()).toEqual([])
  await expect(other.stop(id)).rejects.toMatchObject({ code: 'PROCESS_UNKNOWN' })
  await expect(other.output(id)).rejects.toMatchObject({ code: 'PROCESS_UNKNOWN' })
})

test('K4: a program that is not granted does not start, and there is an end to how many do', async () => {
  await using processes = open(['sleep 60'])

  await expect(processes.start({ command: 'sleep', args: ['61'] })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  for (let i = 0; i < 16; i++) await processes.start({ command: 'sleep', args: ['60'] })
  await expect(processes.start({ command: 'sleep', args: ['60'] })).rejects.toMatchObject({ code: 'PROCESS_TOO_MANY' })
})

test('K11: none survives its plugin, stubborn ones and those that left the group included, within 3 s', async () => {
  const processes = open(['sh', 'sleep'])
  const stubborn = await processes.start({
    command: 'sh',
    args: ['-c', "trap '' TERM; echo up; while :; do sleep 0.2; done"],
  })
  const leaver = await processes.start({ command: 'sh', args: ['-c', 'setsid sleep 60 & echo $!; wait'] })
  const [up] = [await firstLine(processes, stubborn.id)]
  const grandchild = Number(await firstLine(processes, leaver.id))
  const began = performance.now()

  await processes[Symbol.asyncDispose]()

  expect(up).toBe('up')
  expect(performance.now() - began).toBeLessThan(3_000)
  await expect.poll(() => [stubborn.pid, leaver.pid, grandchild].filter(isRunning)).toEqual([])
  expect(readdirSync(processes.recordFolder)).toEqual([])
})

test('K11: many stubborn processes end together, not one after the other', async () => {
  const processes = open(['sh'])
  const script = "trap '' TERM; echo up; while :; do sleep 0.2; done"
  const started = await Promise.all(
    Array.from({ length: 5 }, () => processes.start({ command: 'sh', args: ['-c', script] })),
  )
  for (const { id } of started) await firstLine(processes, id)
  const began = performance.now()

  await processes[Symbol.asyncDispose]()

  expect(performance.now() - began).toBeLessThan(3_000)
  expect(started.map(({ pid }) => pid).filter(isRunning)).toEqual([])
})

test('K11: a process that ends by itself leaves no note, and stopping answers how it ended', async () => {
  await using processes = open(['true', 'sleep'])
  const { id } = await processes.start({ command: 'true' })
  await processes.wait(id)
  await expect.poll(() => readdirSync(processes.recordFolder)).toEqual([])

  const sleeper = await processes.start({ command: 'sleep', args: ['60'] })

  expect(await processes.stop(sleeper.id)).toMatchObject({ state: 'ended', signal: 'SIGTERM' })
})

test.runIf(process.platform === 'linux')(
  'K11: after kill -9 of the host nothing is left once the next host has started',
  async () => {
    using temporary = temporaryFolder()
    const folder = realpathSync(temporary.path)
    const notes = join(folder, 'notes')
    const host = spawn(
      process.execPath,
      ['--conditions=source', join(import.meta.dirname, 'host-testing.ts'), notes, folder],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const [line] = await once(host.stdout, 'data')
    const pids: number[] = JSON.parse(String(line))
    expect(pids.filter(isRunning)).toEqual(pids)
    expect(reapLeftovers(notes)).toBe(0) // its host lives

    host.kill('SIGKILL')
    await once(host, 'exit')
    reapLeftovers(notes)

    await expect.poll(() => pids.filter(isRunning)).toEqual([])
    expect(readdirSync(notes)).toEqual([])
  },
)

test('K11: a note that is damaged, or whose pid is another process by now, ends nothing', () => {
  using temporary = temporaryFolder()
  const note = { mark: '0'.repeat(24), pid: process.pid, began: '1', host: { pid: 1, began: 'never' } }
  writeFileSync(join(temporary.path, 'a.json'), JSON.stringify(note))
  writeFileSync(join(temporary.path, 'b.json'), '{')

  expect(reapLeftovers(temporary.path)).toBe(0)
  expect(readdirSync(temporary.path)).toEqual([])
  expect(reapLeftovers(join(temporary.path, 'none'))).toBe(0)
})

function open(
  granted: string[],
  { capability, plugin = 'tools' }: { capability?: ReturnType<typeof createProcessCapability>; plugin?: string } = {},
) {
  const temporary = temporaryFolder()
  const place = placeIn(realpathSync(temporary.path), plugin)
  for (const each of [place.workspace, place.data, place.package]) mkdirSync(each)
  const recordFolder = join(place.data, 'notes')
  mkdirSync(recordFolder)
  const caller = judgedCaller(capability ?? createProcessCapability({ recordFolder }), place, granted)
  onTestFinished(() => temporary[Symbol.dispose]())
  return {
    ...caller,
    ...processFace((method, args, options) => caller.call(method, args, options?.signal)),
    recordFolder,
    async [Symbol.asyncDispose]() {
      await caller[Symbol.asyncDispose]()
    },
  }
}

async function firstLine(processes: ReturnType<typeof open>, id: string): Promise<string | undefined> {
  const reader = (await processes.output(id)).getReader()
  const { value } = await reader.read()
  await reader.cancel()
  return value?.text
}
