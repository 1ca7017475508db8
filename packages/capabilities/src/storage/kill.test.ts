import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../capability-testing.ts'
import { createEngine } from './engine.ts'

const ROUNDS = process.env.PRYX_DEEP ? 60 : 10

test('K2: kill -9 while writing loses nothing that was acknowledged', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'storage.db')
  let acknowledged = 0
  for (let round = 0; round < ROUNDS; round++) {
    const reached = await writeUntilKilled(file, acknowledged + 1, 20 + round * 13)
    acknowledged = Math.max(acknowledged, reached)

    const engine = createEngine()
    const found = engine.run({
      file,
      quotaBytes: 1e9,
      request: { method: 'sqlAll', statement: { sql: 'PRAGMA quick_check' } },
    })
    const last = engine.run({
      file,
      quotaBytes: 1e9,
      request: { method: 'get', key: `k${String(acknowledged).padStart(9, '0')}` },
    })
    const all = engine.run({ file, quotaBytes: 1e9, request: { method: 'list', options: { limit: 1, reverse: true } } })
    engine.close()

    expect(found).toEqual({ value: [{ quick_check: 'ok' }] })
    expect(last).toMatchObject({ value: { value: { text: String(acknowledged) } } })
    expect(all).toMatchObject({ value: { entries: [{}] } })
  }
  expect(acknowledged).toBeGreaterThan(ROUNDS)
}, 60_000)

/** The last number acknowledged before SIGKILL, which comes `ms` after the first. */
function writeUntilKilled(file: string, from: number, ms: number): Promise<number> {
  const script = fileURLToPath(new URL('./kill-testing.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=source', '--no-warnings', script, file, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => {
    if (text === '') setTimeout(() => child.kill('SIGKILL'), ms)
    text += chunk
  })
  return new Promise((resolve) => child.on('close', () => resolve(Number(text.split('\n').at(-2) ?? 0))))
}
