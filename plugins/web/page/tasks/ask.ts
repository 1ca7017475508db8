// plugins/web/page/tasks/ask.ts: asks the API, and asks again when something happened to tasks.
//   A1  What was asked for last is what is shown: the answer to an older question is dropped.
//   A2  The first events ask at once. In a storm of them the pause between two asks grows from `FIRST_CALM_MS` to `CALM_MS`, and it is asked
//       once after it: what starts and ends in a blink is seen, and thousands a second cost little.
import { useCallback, useEffect, useRef, useState } from 'react'
import { get, type Refusal } from '../calls.ts'
import { fieldsOf, type Model } from '../model.ts'
import { useModel } from '../store.ts'

const FIRST_CALM_MS = 40
const CALM_MS = 640

/** How long to wait between two asks, when the last pause was `before` and it is `sinceMs` since the last ask. */
export function calmAfter(before: number, sinceMs: number): number {
  return sinceMs > 2 * CALM_MS ? FIRST_CALM_MS : Math.min(CALM_MS, before * 2)
}

export interface Asked<T> {
  data: T | undefined
  error: Refusal | undefined
  again(): void
}

/** @param tick Another value asks again. `path` undefined: nothing is asked. */
export function useAsked<T>(path: string | undefined, tick = 0): Asked<T> {
  const [answer, setAnswer] = useState<{ path: string; data?: T; error?: Refusal }>()
  const state = useRef({
    asking: false,
    dirty: false,
    at: 0,
    calmMs: FIRST_CALM_MS,
    path,
    timer: undefined as Timer | undefined,
  })
  state.current.path = path
  const again = useCallback(() => {
    const now = state.current
    if (now.path === undefined) return
    if (now.asking) {
      now.dirty = true
      return
    }
    clearTimeout(now.timer)
    const wait = now.at + now.calmMs - Date.now()
    if (now.at > 0 && wait > 0) {
      now.timer = setTimeout(round, wait) // A2
      return
    }
    void round()

    async function round() {
      const asked = now.path
      if (asked === undefined) return
      const at = Date.now()
      Object.assign(now, { asking: true, dirty: false, at, calmMs: calmAfter(now.calmMs, at - now.at) })
      const found = await get<T>(asked).then(
        (data) => ({ path: asked, data }),
        (error: Refusal) => ({ path: asked, error }),
      )
      now.asking = false
      if (now.path === asked) setAnswer(found) // A1
      if (now.dirty || (now.path !== undefined && now.path !== asked)) again()
    }
  }, [])
  useEffect(() => {
    state.current.at = 0 // another question does not wait
    again()
  }, [path, again])
  useEffect(again, [tick, again])
  useEffect(
    () => () => {
      clearTimeout(state.current.timer)
      state.current.path = undefined
    },
    [],
  )
  const fresh = answer !== undefined && path !== undefined
  return { data: fresh ? answer.data : undefined, error: fresh ? answer.error : undefined, again }
}

type Timer = ReturnType<typeof setTimeout>

/** Changes with every event about tasks, or about one of them. */
export function useTaskTick(id?: string): number {
  return useModel((model) => lastAbout(model, id))
}

export function lastAbout({ events }: Pick<Model, 'events'>, id: string | undefined): number {
  for (let i = events.length - 1; i >= 0; i--) {
    const { name, data, seq } = events[i]!
    if (name.startsWith('task.') && (id === undefined || taskIn(data) === id)) return seq
  }
  return 0
}

/** Whose event it is. */
export function taskIn(data: unknown): string | undefined {
  const { task, taskId } = fieldsOf(data)
  const found = fieldsOf(task).id ?? taskId
  return typeof found === 'string' ? found : undefined
}

export function taskPath(id: string, rest = ''): string {
  return `/api/tasks/${encodeURIComponent(id)}${rest}`
}

export function runPath(id: string, rest = ''): string {
  return `/api/tasks/runs/${encodeURIComponent(id)}${rest}`
}
