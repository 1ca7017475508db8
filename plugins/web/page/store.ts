// plugins/web/page/store.ts: holds the model and tells React; and the actions that sections share.
import { notifications } from '@mantine/notifications'
import type { GrantDuration, PermissionMode } from '@pryx/sdk'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { post, Refusal } from './calls.ts'
import { emptyModel, type Message, type Model, update } from './model.ts'

let model = emptyModel
const listeners = new Set<() => void>()

export function tell(message: Message): void {
  const next = update(model, message)
  if (next === model) return
  model = next
  for (const listener of [...listeners]) listener()
}

export function useModel<T>(select: (model: Model) => T): T {
  return useSyncExternalStore(subscribe, () => select(model))
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The time, told again every `everyMs`. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}

/** Runs an action of the user and says so if it was refused. Answers whether it worked. */
export async function act(what: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    const { message, hint } = error as Refusal
    notifications.show({
      color: 'red',
      title: what,
      message: [message, hint].filter(Boolean).join(' '),
      autoClose: 8_000,
    })
    return false
  }
}

export async function answer(id: string, choice: { answer: 'allow' | 'deny'; duration: GrantDuration }): Promise<void> {
  await act('The answer was not taken', async () => {
    await post(`/api/approvals/${encodeURIComponent(id)}`, choice).catch((error: unknown) => {
      // Another surface was first: nothing is left to ask.
      if (!(error instanceof Refusal) || !/^APPROVAL_(RESOLVED|UNKNOWN)$/.test(error.code)) throw error
    })
    tell({ t: 'answered', id })
  })
}

export async function setPermission(
  plugin: string,
  permission: string,
  choice: { mode: PermissionMode; duration: GrantDuration; before: PermissionMode },
): Promise<void> {
  const { before, ...body } = choice
  tell({ t: 'permission', plugin, permission, mode: body.mode })
  const path = `/api/plugins/${encodeURIComponent(plugin)}/permission`
  const done = await act('The permission was not changed', () => post(path, { permission, ...body }))
  if (!done) tell({ t: 'permission', plugin, permission, mode: before })
}
