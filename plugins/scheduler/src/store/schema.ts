// plugins/scheduler/src/store/schema.ts: the tables, and how those of older versions become them.
//   D3  A migration is one transaction that ends by writing the new version: it happened whole or not at all.
//   D4  Tables of a newer scheduler are never touched: an older one refuses to start on them.
import { UsageError } from '@pryx/sdk'
import type { Sql } from './store.ts'

export const SCHEMA_VERSION = 5

/** The tables as the first version had them. */
const FIRST = `
CREATE TABLE IF NOT EXISTS tasks (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL, state TEXT NOT NULL,
  next_due INTEGER, problem TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  UNIQUE (owner, name)
) STRICT;
CREATE INDEX IF NOT EXISTS tasks_due ON tasks (next_due) WHERE next_due IS NOT NULL;
CREATE TABLE IF NOT EXISTS runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, task TEXT NOT NULL, status TEXT NOT NULL, source TEXT NOT NULL,
  occurrence INTEGER NOT NULL, since INTEGER NOT NULL, count INTEGER NOT NULL, exact INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
  recoveries INTEGER NOT NULL DEFAULT 0, recovers TEXT, start_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER, deadline INTEGER,
  session TEXT, result TEXT, error TEXT, log TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS runs_of_task ON runs (task, seq);
CREATE INDEX IF NOT EXISTS runs_queued ON runs (start_at) WHERE status = 'queued';
CREATE INDEX IF NOT EXISTS runs_running ON runs (task) WHERE status = 'running';
`

/** From version n to n + 1 at place n - 1. */
const MIGRATIONS: readonly string[] = [
  `
ALTER TABLE tasks ADD COLUMN kind TEXT NOT NULL DEFAULT 'cron';
ALTER TABLE tasks ADD COLUMN parallel INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tasks ADD COLUMN epoch INTEGER;
ALTER TABLE tasks ADD COLUMN last_ok INTEGER;
ALTER TABLE tasks ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN late_told INTEGER;
ALTER TABLE runs ADD COLUMN epoch INTEGER;
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN input TEXT;
ALTER TABLE runs ADD COLUMN progress TEXT;
ALTER TABLE runs ADD COLUMN usage TEXT;
ALTER TABLE runs ADD COLUMN ambiguous INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN late_told INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET kind = json_extract(spec, '$.trigger.kind');
CREATE TABLE epochs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, task TEXT NOT NULL, trigger TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, why TEXT
) STRICT;
CREATE INDEX epochs_of_task ON epochs (task, since);
INSERT INTO epochs (task, trigger, since) SELECT id, json_extract(spec, '$.trigger'), next_due - 1 FROM tasks WHERE next_due IS NOT NULL;
UPDATE tasks SET epoch = (SELECT id FROM epochs WHERE task = tasks.id);
CREATE TABLE spans (
  id INTEGER PRIMARY KEY AUTOINCREMENT, task TEXT NOT NULL, epoch INTEGER, since INTEGER NOT NULL, until INTEGER NOT NULL,
  count INTEGER NOT NULL, exact INTEGER NOT NULL, fate TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE INDEX spans_of_task ON spans (task, until);
CREATE INDEX tasks_expecting ON tasks (id) WHERE instr(spec, '"expectWithinMs"') > 0;
CREATE INDEX tasks_pushed ON tasks (kind) WHERE kind NOT IN ('cron', 'interval', 'once');
CREATE TABLE spend (
  task TEXT NOT NULL, period TEXT NOT NULL, calls INTEGER NOT NULL, input_tokens REAL NOT NULL, output_tokens REAL NOT NULL,
  cost_usd REAL NOT NULL, unpriced INTEGER NOT NULL, PRIMARY KEY (task, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE daily (
  task TEXT NOT NULL, day TEXT NOT NULL, ok INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0, other INTEGER NOT NULL DEFAULT 0,
  ms INTEGER NOT NULL DEFAULT 0, cost_usd REAL NOT NULL DEFAULT 0, PRIMARY KEY (day, task)
) STRICT, WITHOUT ROWID;
CREATE TABLE notices (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, kind TEXT NOT NULL, level TEXT NOT NULL,
  title TEXT NOT NULL, text TEXT NOT NULL, task TEXT, run TEXT, due_at INTEGER, told_at INTEGER, acked_at INTEGER, acked_by TEXT,
  again_ms INTEGER, again_left INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX notices_due ON notices (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE steps (
  run TEXT NOT NULL, path TEXT NOT NULL, seq INTEGER NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL DEFAULT 0, started_at INTEGER,
  finished_at INTEGER, wake_at INTEGER, input TEXT, sources TEXT, output TEXT, error TEXT, PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE pieces (ref TEXT NOT NULL, part INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (ref, part)) STRICT, WITHOUT ROWID;
CREATE TABLE watches (task TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE webhook_ids (task TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (task, id)) STRICT, WITHOUT ROWID;
`,
  // Waiting runs in the order they are weighed in, and in the line of their task: a long queue costs a look no more than a short one.
  `
DROP INDEX runs_queued;
CREATE INDEX runs_ready ON runs (priority DESC, start_at, seq) WHERE status = 'queued';
CREATE INDEX runs_line ON runs (task, seq) WHERE status = 'queued';
`,
  // Sums of days that are over, made when they are asked for (dashboard/sums.ts): a dashboard reads 10,000 rows instead of 300,000.
  `
CREATE TABLE rates (task TEXT PRIMARY KEY, ok INTEGER NOT NULL, failed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE day_sums (
  day TEXT PRIMARY KEY, ok INTEGER NOT NULL, failed INTEGER NOT NULL, other INTEGER NOT NULL, ms INTEGER NOT NULL, cost_usd REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spend_of_period ON spend (period, task, cost_usd, unpriced);
`,
  // The step log of a single deed lies in its run's row: a job of a queue writes one row less, and drops one less.
  `
ALTER TABLE runs ADD COLUMN deed TEXT;
CREATE VIEW step_log (run, path, seq, status, attempt, started_at, finished_at, wake_at, input, sources, output, error) AS
  SELECT run, path, seq, status, attempt, started_at, finished_at, wake_at, input, sources, output, error FROM steps
  UNION ALL SELECT id, 'do', 1, deed ->> 0, deed ->> 1, deed ->> 2, deed ->> 3, NULL, deed -> 4, deed ->> 5, deed -> 6, deed ->> 7
    FROM runs WHERE deed IS NOT NULL;
`,
]

/** Brings the tables up to date. @throws TASK_STORE_NEWER if a newer scheduler has written them. */
export async function migrate(sql: Sql): Promise<void> {
  await sql.exec('CREATE TABLE IF NOT EXISTS scheduler_meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID', {
    durable: true,
  })
  const [row] = await sql.all<{ value: number }>(`SELECT value FROM scheduler_meta WHERE key = 'version'`)
  let version = row?.value ?? 0
  if (version > SCHEMA_VERSION)
    throw new UsageError(
      'TASK_STORE_NEWER',
      `the tasks were written by a newer scheduler (tables ${version}, this one knows ${SCHEMA_VERSION})`,
      {
        hint: 'Update the scheduler, or restore the data folder that belongs to this version.',
      },
    )
  if (version === 0) {
    await sql.exec(`${FIRST};\n${setVersion(1)}`, { durable: true }) // a first version's tables are there already, without a number
    version = 1
  }
  for (; version < SCHEMA_VERSION; version++)
    await sql.exec(`${MIGRATIONS[version - 1]};\n${setVersion(version + 1)}`, { durable: true }) // D3
}

function setVersion(version: number): string {
  return `INSERT INTO scheduler_meta (key, value) VALUES ('version', ${version}) ON CONFLICT (key) DO UPDATE SET value = excluded.value`
}
