// plugins/scheduler/src/clock/settle.ts: a trigger as somebody wrote it becomes the trigger as it is kept. Pure.
import type { z } from 'zod'
import type { Trigger, triggerSchema } from '../task.ts'
import { parsePhrase } from './phrase.ts'
import { schedule } from './trigger.ts'
import { readZone } from './zone.ts'

/**
 * The trigger as it is kept: what it leaves open is filled in, so that it means the same tomorrow.
 *
 * @throws TASK_INVALID for an expression or zone that cannot be read, TASK_PHRASE for a phrase that can be meant in more ways than one.
 */
export function settleTrigger(trigger: z.output<typeof triggerSchema>, now: number, timeZone: string): Trigger {
  switch (trigger.kind) {
    case 'phrase':
      return settleTrigger(
        parsePhrase(trigger.text, { now, timeZone: readZone(trigger.timeZone ?? timeZone) }),
        now,
        timeZone,
      )
    case 'interval':
      return { ...trigger, anchor: trigger.anchor ?? now }
    case 'cron': {
      const settled = { ...trigger, timeZone: trigger.timeZone ?? timeZone }
      schedule(settled)
      return settled
    }
    default:
      return trigger
  }
}
