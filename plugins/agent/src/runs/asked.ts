// plugins/agent/src/runs/asked.ts: questions to the user that tools of a run raise, written into the run's log (K5).
//   A1  A question is written for the runs that have a call open to the plugin that asks, or to the tool it is about: the kernel names no run.
//   A2  Listening costs nothing while no run has a call open; a sleeping agent is not woken by the questions of others.
//   A3  What cannot be written (the run has ended) is dropped: the kernel's own audit holds every answer.
import type { Entry } from '@pryx/plugin-sessions/service'
import type { Release } from '@pryx/sdk'
import type { Call } from '../loop/tools.ts'

export interface Needed {
  id: string
  plugin: string
  permission: string
  sentence: string
  /** Epoch ms. */
  expiresAt: number
}

export interface Resolved {
  id: string
  plugin: string
  permission: string
  answer: string
  by: string
}

export interface Bell {
  /** Questions as they are raised and answered, until released. */
  listen(needed: (approval: Needed) => void, resolved: (approval: Resolved) => void): Release
}

export interface AskedOptions {
  bell: Bell
  /** Calls of this run that are open now. */
  open: ReadonlyMap<string, Call>
  ownerOf(tool: string): string | undefined
  write(entries: Entry[]): Promise<void>
}

/** Writes what is asked and answered until released. */
export function noteQuestions({ bell, open, ownerOf, write }: AskedOptions): () => Promise<void> {
  const noted = new Set<string>()
  let last: Promise<void> = Promise.resolve()
  const put = (entry: Entry) => {
    last = last.then(() => write([entry])).catch(() => {}) // A3
  }
  const release = bell.listen(
    ({ id, plugin, permission, sentence, expiresAt }) => {
      if (!concerns(plugin, permission)) return
      noted.add(id)
      const body = { approval: id, plugin, permission: permission.slice(0, 512), sentence: sentence.slice(0, 1_024) }
      put({ kind: 'approval.needed', body: { ...body, expiresAt } })
    },
    ({ id, answer, by }) => {
      if (noted.delete(id)) put({ kind: 'approval.resolved', body: { approval: id, answer, by: by.slice(0, 256) } })
    },
  )
  return async () => {
    await release()
    await last
  }

  /** A1 */
  function concerns(plugin: string, permission: string): boolean {
    return [...open.values()].some(({ name }) => permission === `tools:${name}` || ownerOf(name) === plugin)
  }
}
