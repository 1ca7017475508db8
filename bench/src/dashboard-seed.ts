// bench/src/dashboard-seed.ts: a database of the scheduler with many tasks and their runs.
import { DatabaseSync } from 'node:sqlite'

const DAY_MS = 86_400_000

/** Rows as the scheduler writes them: each task ran once a day up to now, every twentieth run failed; nothing falls due for hours. */
export function seedDashboard(file: string, tasks: number, runs: number): void {
  const db = new DatabaseSync(file)
  const now = Date.now()
  const month = new Date(now).toISOString().slice(0, 7)
  const retry = { attempts: 0, backoffMs: 60_000, factor: 2, growth: 'exponential', maxDelayMs: 0, jitter: 0 }
  const trigger = { kind: 'cron', expression: '0 9 * * *', timeZone: 'UTC' }
  const common = { trigger, misfire: { kind: 'run-once' }, overlap: 'skip', timeoutMs: 600_000, retry }
  const addTask = db.prepare(
    `INSERT INTO tasks (id, owner, name, spec, state, next_due, created_at, updated_at, kind, failures) VALUES (?, ?, ?, ?, 'active', ?, 0, 0, 'cron', ?)`,
  )
  const addEpoch = db.prepare('INSERT INTO epochs (task, trigger, since) VALUES (?, ?, ?)')
  const addRun = db.prepare(
    `INSERT INTO runs (id, task, status, source, occurrence, since, count, exact, attempt, start_at, started_at, finished_at, result, error, usage)
     VALUES (?, ?, ?, 'schedule', ?, ?, 1, 1, 1, ?, ?, ?, ?, ?, ?)`,
  )
  const addDay = db.prepare('INSERT INTO daily (task, day, ok, failed, ms, cost_usd) VALUES (?, ?, ?, ?, ?, ?)')
  const addSpend = db.prepare('INSERT INTO spend VALUES (?, ?, 3, 1000, 100, ?, 0)')
  db.exec('BEGIN')
  for (let i = 0; i < tasks; i++) {
    const spec = { ...common, action: { kind: 'prompt', text: 'Sum up the day.' }, tags: [`tag-${i % 10}`, 'all'] }
    addTask.run(
      `seed-${i}`,
      `owner-${i % 50}`,
      `task ${i}`,
      JSON.stringify(spec),
      now + DAY_MS + i,
      Number(i % 20 === 0),
    )
    addEpoch.run(`seed-${i}`, JSON.stringify(trigger), now - runs * DAY_MS)
    addSpend.run(`seed-${i}`, month, (i % 97) / 100)
  }
  // Run by run over all tasks, as time brings them: those of one task lie far apart.
  for (let n = runs - 1; n >= 0; n--) {
    const at = now - n * DAY_MS - 60_000
    const day = new Date(at).toISOString().slice(0, 10)
    for (let i = 0; i < tasks; i++) {
      const ok = (i + n) % 20 !== 0
      const took = 2_000 + ((i * 7 + n * 13) % 900)
      const usage = JSON.stringify({ calls: 1, inputTokens: 900, outputTokens: 80, costUsd: 0.004, unpriced: 0 })
      const [status, result, error] = ok ? ['ok', '"done"', null] : ['failed', null, 'the answer was 502']
      addRun.run(`run-${i}-${n}`, `seed-${i}`, status!, at, at, at, at, at + took, result!, error!, usage)
      addDay.run(`seed-${i}`, day, Number(ok), Number(!ok), took, 0.004)
    }
  }
  db.exec('COMMIT')
  db.close()
}
