// plugins/log-monitor/src/service.ts: the log monitor's contract. Users import this file and no other.
import { defineService } from '@pryx/sdk'
import { z } from 'zod'
import type { Alert } from './events.ts'

export { type Alert, alertEvents } from './events.ts'

/** Watches log files and remembers what looked like trouble. */
export interface LogMonitor {
  /** Newest first. @param limit Default 50, at most 500, which are kept. */
  alerts(limit?: number): Promise<Alert[]>
  /** Looks at all files now, without waiting for a change or the next sweep. @returns How many lines were new, and how many alerts they raised. */
  scanNow(): Promise<{ lines: number; alerts: number }>
}

export const LogMonitor = defineService<LogMonitor>('log-monitor', '1.0.0', {
  methods: { alerts: { input: z.tuple([]).rest(z.number().int().min(1).max(500)) }, scanNow: { input: z.tuple([]) } },
})
