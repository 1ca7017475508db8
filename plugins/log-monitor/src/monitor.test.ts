import { expect, test } from 'vitest'
import { createMemoryFiles, createMemoryKeyValues, startMonitor } from './monitor-testing.ts'
import { compilePattern } from './patterns.ts'

const LOG = 'app.log'

async function setUp(options: Parameters<typeof startMonitor>[3] & { chunkBytes?: number } = {}) {
  const disk = createMemoryFiles(options.chunkBytes)
  const store = createMemoryKeyValues()
  const time = { at: Date.UTC(2026, 0, 1), now: () => time.at }
  const begin = () => startMonitor(disk, store, time, options)
  return { disk, store, time, begin }
}

test('S6: reading begins at the end of a file that is there, and every new line of trouble raises one alert', async () => {
  const { disk, begin } = await setUp()
  disk.write(LOG, 'ERROR long ago\n')
  const monitor = await begin()
  await monitor.scan()

  disk.append(LOG, 'INFO fine\nERROR disk is full\nINFO fine again\n')
  const found = await monitor.scan()

  expect(found).toEqual({ lines: 3, alerts: 1 })
  expect(monitor.of('alert.raised')).toMatchObject([
    {
      id: 'alert-1',
      file: LOG,
      line: 'ERROR disk is full',
      pattern: 'error',
      severity: 'error',
      count: 1,
      before: ['INFO fine'],
    },
  ])
  expect(await monitor.alerts(10)).toHaveLength(1)
})

test('S6: a file that comes later is read from its start, with line numbers', async () => {
  const { disk, begin } = await setUp()
  const monitor = await begin()
  await monitor.scan()

  disk.write(LOG, 'hello\nERROR at once\n')
  await monitor.scan()

  expect(monitor.of('alert.raised')).toMatchObject([{ line: 'ERROR at once', lineNumber: 2 }])
})

test('S8: a restart neither repeats nor misses a line, in the middle of a line and of a character too', async () => {
  const { disk, begin } = await setUp({ chunkBytes: 7 })
  const bytes = new TextEncoder().encode('ERROR größer als 5 €\nFATAL Ende 😀\n')
  disk.write(LOG, '')
  await (await begin()).scan()
  const raised: unknown[] = []

  for (const byte of bytes) {
    disk.append(LOG, Uint8Array.of(byte))
    const life = await begin()
    await life.scan()
    raised.push(...life.of('alert.raised'))
  }

  expect(raised).toMatchObject([{ line: 'ERROR größer als 5 €' }, { line: 'FATAL Ende 😀' }])
})

test('S8: where the disk fails while storing, nothing is lost and nothing told twice', async () => {
  const { disk, store, begin } = await setUp()
  disk.write(LOG, '')
  const monitor = await begin()
  await monitor.scan()
  disk.append(LOG, 'ERROR one\n')

  store.failBatch(1)
  await expect(monitor.scan()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
  await monitor.scan()

  expect(monitor.of('alert.raised')).toMatchObject([{ id: 'alert-1', count: 1 }])
})

test('S8: an alert that was stored and not told is told at the next start', async () => {
  const { disk, store, begin } = await setUp()
  disk.write(LOG, '')
  const monitor = await begin()
  await monitor.scan()
  disk.append(LOG, 'ERROR one\n')
  store.failBatch(2) // the note that it was told
  await monitor.scan().catch(() => {})

  const next = await begin()
  await next.scan()

  expect(next.of('alert.raised')).toMatchObject([{ id: 'alert-1' }]) // again, with the same id
  expect((await begin()).told).toEqual([])
})

test('S6: a file rotated by renaming is read to its end under its new name, then the new file from its start', async () => {
  const { disk, begin } = await setUp()
  disk.write(LOG, 'old\n')
  const monitor = await begin()
  await monitor.scan()

  disk.append(LOG, 'ERROR last words\n')
  disk.rename(LOG, `${LOG}.1`)
  disk.write(LOG, 'ERROR first words\n')
  await monitor.scan()
  await monitor.scan()

  expect(monitor.of('alert.raised').map((alert) => alert.line)).toEqual(['ERROR last words', 'ERROR first words'])
})

test('S6: a file renamed between looking and reading loses no line', async () => {
  const { disk, begin } = await setUp()
  disk.write(LOG, 'old\n')
  const monitor = await begin()
  await monitor.scan()

  disk.append(LOG, 'ERROR last words\n')
  disk.race(() => {
    disk.rename(LOG, `${LOG}.1`)
    disk.write(LOG, 'ERROR first words, and longer ones than the old file had\n')
  })
  await monitor.scan()
  await monitor.scan()

  expect(monitor.of('alert.raised').map((alert) => alert.line)).toEqual([
    'ERROR last words',
    'ERROR first words, and longer ones than the old file had',
  ])
})

test('S6: a file truncated after a copy is read from its start again', async () => {
  const { disk, begin } = await setUp()
  disk.write(LOG, 'ERROR one\nERROR two\n')
  const monitor = await begin()
  await monitor.scan()

  disk.copyTruncate(LOG, `${LOG}.1`)
  disk.append(LOG, 'ERROR three\n')
  await monitor.scan()

  expect(monitor.of('alert.raised').map((alert) => alert.line)).toEqual(['ERROR three'])
})

const TRACES: [string, string, string, number][] = [
  [
    'Java',
    'Exception in thread "main" java.lang.IllegalStateException: no session\n\tat com.acme.A.run(A.java:12)\n\tat com.acme.B.main(B.java:7)\nCaused by: java.sql.SQLException: closed\n\tat com.acme.Db.q(Db.java:1)\n\t... 2 more\n',
    'exception',
    5,
  ],
  [
    'Python',
    'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n    main()\n  File "a.py", line 1, in main\n    1/0\nZeroDivisionError: division by zero\n',
    'traceback',
    5,
  ],
  [
    'Go',
    'panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:8 +0x1d\n',
    'panic',
    4,
  ],
  [
    'Node',
    "TypeError: Cannot read properties of undefined (reading 'x')\n    at run (/app/a.js:1:2)\n    at Error.captureStackTrace (/app/b.js:3:4)\n",
    'exception',
    2,
  ],
]

test.each(TRACES)(
  'S6: a %s stack trace is one alert, with its lines, however it arrives',
  async (_language, trace, pattern, after) => {
    const whole = await alertsFor([trace, 'INFO on we go\nERROR another\n'])
    const pieces = await alertsFor([...(trace.match(/[\s\S]{1,30}/g) as string[]), 'INFO on we go\nERROR another\n'])

    expect(whole).toMatchObject([{ pattern, line: trace.split('\n')[0] }, { line: 'ERROR another' }])
    expect(whole[0]!.after).toHaveLength(after)
    expect(pieces.map((alert) => alert.line)).toEqual(whole.map((alert) => alert.line))
  },
)

async function alertsFor(pieces: string[]) {
  const { disk, begin } = await setUp()
  disk.write(LOG, '')
  const monitor = await begin()
  await monitor.scan()
  for (const piece of pieces) {
    disk.append(LOG, piece)
    await monitor.scan()
  }
  return monitor.of('alert.raised') as { line: string; after: string[] }[]
}

test('S6: the same trouble is told once and counted during its cooldown, then told with the count', async () => {
  const { disk, time, begin } = await setUp({ cooldownMs: 60_000 })
  disk.write(LOG, '')
  const monitor = await begin()
  await monitor.scan()

  for (let i = 0; i < 10; i++) disk.append(LOG, `ERROR request ${i} took ${i * 7} ms, id 4f3c2b1a${i}${i}\n`)
  await monitor.scan()
  time.at += 60_000
  await monitor.scan()
  time.at += 60_000
  await monitor.scan()

  expect(monitor.of('alert.raised').map((alert) => alert.count)).toEqual([1, 9])
})

test('S6: a flood of different lines is a handful of alerts whose counts add up', async () => {
  const { disk, begin } = await setUp()
  disk.write(LOG, '')
  const monitor = await begin()
  await monitor.scan()

  for (let i = 0; i < 400; i++)
    disk.append(LOG, `ERROR ${String.fromCharCode(97 + (i % 26))}${'x'.repeat(Math.floor(i / 26))}\n`)
  await monitor.scan()

  const alerts = monitor.of('alert.raised')
  expect(alerts.length).toBeLessThan(25)
  expect(alerts.reduce((sum, alert) => sum + (alert.count as number), 0)).toBe(400)
  expect(alerts.at(-1)).toMatchObject({ pattern: 'flood' })
})

test('K4: a refused read is reported once, stops nothing else, and reading goes on where it stood once it is granted again', async () => {
  const { disk, time, begin } = await setUp()
  disk.write(LOG, '')
  const monitor = await begin()
  await monitor.scan()
  disk.append(LOG, 'ERROR unseen\n')

  disk.refuse(Object.assign(new Error('revoked'), { code: 'PERMISSION_DENIED' }))
  for (let i = 0; i < 3; i++) {
    await monitor.scan()
    time.at += 3_600_000
  }
  expect(monitor.told).toMatchObject([{ name: 'alert.blocked', payload: { file: LOG, code: 'PERMISSION_DENIED' } }])
  expect(monitor.watched.size).toBe(0)

  disk.refuse(undefined)
  await monitor.retry()

  expect(monitor.told.map((each) => each.name)).toEqual(['alert.blocked', 'alert.raised', 'alert.unblocked'])
  expect(monitor.of('alert.raised')).toMatchObject([{ line: 'ERROR unseen' }])
  expect(monitor.watched.size).toBe(1)
})

test('S6: a last line without an end is taken as it is after a while, once', async () => {
  const { disk, time, begin } = await setUp()
  disk.write(LOG, '')
  const monitor = await begin()
  await monitor.scan()

  disk.append(LOG, 'panic: the end')
  await monitor.scan()
  expect(monitor.told).toEqual([])
  time.at += 5_000
  await monitor.scan()
  disk.append(LOG, ' of panic: it\n')
  await monitor.scan()

  expect(monitor.of('alert.raised').map((alert) => alert.line)).toEqual(['panic: the end'])
})

test('S6: scans asked for during a scan are one scan more', async () => {
  const { disk, begin } = await setUp()
  disk.write(LOG, '')
  const monitor = await begin()

  const first = monitor.scan()
  const others = [monitor.scan(), monitor.scan(), monitor.scan()]

  expect(new Set(others).size).toBe(1)
  await Promise.all([first, ...others])
})

test('S6: own patterns take the place of the default ones', async () => {
  const patterns = [compilePattern({ name: 'login', regex: 'failed login for \\w+', severity: 'warning' })]
  const { disk, begin } = await setUp({ files: [{ patterns, from: 'start' }] })
  disk.write(LOG, 'ERROR not ours\nfailed login for ada\n')
  const monitor = await begin()

  await monitor.scan()

  expect(monitor.of('alert.raised')).toMatchObject([{ pattern: 'login', severity: 'warning', lineNumber: 2 }])
})

test('S6: 20 MB of text are read in bounded pieces and cost no more than they should', async () => {
  const { disk, begin } = await setUp({ files: [{ from: 'start' }] })
  disk.write(LOG, 'INFO all is well and nothing happened here at all, request 12345 took 17 ms\n'.repeat(260_000))
  const monitor = await begin()

  let lines = 0
  for (let i = 0; i < 20 && lines < 260_000; i++) lines += (await monitor.scan()).lines

  expect(lines).toBe(260_000)
})
