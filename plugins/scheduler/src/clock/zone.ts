// plugins/scheduler/src/clock/zone.ts: names of time zones. Pure.
import { UsageError } from '@pryx/sdk'

/** @throws TASK_INVALID for a zone that is not there. */
export function readZone(timeZone: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
    return timeZone
  } catch (cause) {
    throw new UsageError('TASK_INVALID', `there is no time zone “${timeZone.slice(0, 64)}”`, {
      ...{ found: timeZone, expected: 'an IANA zone such as Europe/Berlin', cause },
    })
  }
}
