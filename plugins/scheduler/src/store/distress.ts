// plugins/scheduler/src/store/distress.ts: says that the disk does not let the scheduler work. On the bus alone: it cannot be written down.
//   X1  It is told once when it begins, and once when writing has gone well for CALM_MS.
import { PryxError } from '@pryx/sdk'
import { noticeEvents } from '../events.ts'
import type { Ports } from '../ports.ts'
import type { Sql } from './store.ts'

const CALM_MS = 10_000
const OF_THE_DISK = ['STORAGE_FULL', 'STORAGE_IO', 'STORAGE_CORRUPT'] // all others are the statements' own

/** `sql`, with an eye on what the disk refuses. */
export function overseen(sql: Sql, { clock, emit, warn }: Pick<Ports, 'clock' | 'emit' | 'warn'>): Sql {
  let began: number | undefined
  let failedAt = 0
  return {
    all: (text, ...params) => sql.all(text, ...params),
    exec: (script, options) => sql.exec(script, options),
    async batch(statements, options) {
      try {
        const results = await sql.batch(statements, options)
        if (options?.durable === true) worked()
        return results
      } catch (error) {
        const code = OF_THE_DISK.find((each) => PryxError.is(error, each))
        if (code !== undefined) failed(error as Error)
        throw error
      }
    },
  }

  function failed({ message }: Error): void {
    failedAt = clock.now()
    if (began !== undefined) return
    began = failedAt
    tell('disk', 'error', 'Tasks are held up', `${message}. What cannot be written is tried again every second.`)
  }

  function worked(): void {
    if (began === undefined || Math.abs(clock.now() - failedAt) < CALM_MS) return
    tell('disk-again', 'info', 'Tasks go on', 'They can be written again.')
    began = undefined
  }

  function tell(id: string, level: 'info' | 'error', title: string, text: string): void {
    const notice = { id: `${id}:${began}`, at: clock.now(), kind: 'disk', level, title, text, escalates: false }
    void emit(noticeEvents.raised, notice).catch((error) => warn('a notice could not be told', error))
  }
}
