import { fork, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../capability-testing.ts'
import { createEngine } from './engine.ts'

const ROUNDS = process.env.PRYX_DEEP ? 60 : 10

test(
  'K2: kill -9 while writing loses nothing that was acknowledged',
  async () => {
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
      const all = engine.run({
        file,
        quotaBytes: 1e9,
        request: { method: 'list', options: { limit: 1, reverse: true } },
      })
      engine.close()

      expect(found).toEqual({ value: [{ quick_check: 'ok' }] })
      expect(last).toMatchObject({ value: { value: { text: String(acknowledged) } } })
      expect(all).toMatchObject({ value: { entries: [{}] } })
    }
    expect(acknowledged).toBeGreaterThan(ROUNDS)
  },
  ROUNDS * 6_000,
)

test('K3: a runaway statement does not outlive a host that was killed', async () => {
  using folder = temporaryFolder()
  const worker = fileURLToPath(new URL('./worker.ts', import.meta.url))
  const child = fork(worker, ['200'], { serialization: 'advanced', execArgv: ['--no-warnings'] })
  const sql = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'
  child.once('message', () => {
    child.send([
      { file: join(folder.path, 'storage.db'), quotaBytes: 1e9, request: { method: 'sqlAll', statement: { sql } } },
    ])
  })

  const signal = await new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal))) // nobody kills it

  expect(signal).toBe('SIGKILL')
})

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
