// plugins/web/page/tasks/bulk.tsx: one action for all chosen tasks. What is refused is named; what is deleted is asked about first.
import { Button, Modal } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import type { BulkResult } from '../../src/tasks-api.ts'
import { post } from '../calls.ts'
import { plural } from '../format.ts'
import { act } from '../store.ts'
import { inPieces } from './list-state.ts'

const AT_ONCE = 100
const NAMED = 3

type Action = 'pause' | 'resume' | 'run' | 'remove'
const DONE: Record<Action, string> = { pause: 'paused', resume: 'resumed', run: 'queued', remove: 'deleted' }

interface BulkProps {
  ids: readonly string[]
  onClear(): void
  onGone(ids: readonly string[]): void
}

export function Bulk({ ids, onClear, onGone }: BulkProps) {
  const [asking, setAsking] = useState(false)
  const [done, setDone] = useState<number>()
  const rule = async (action: Action) => {
    setAsking(false)
    setDone(0)
    const results: BulkResult[] = []
    await act('Not all was done', async () => {
      for (const piece of inPieces(ids, AT_ONCE)) {
        results.push(...(await post<{ results: BulkResult[] }>('/api/tasks/bulk', { ids: piece, action })).results)
        setDone(results.length)
      }
    })
    setDone(undefined)
    tell(action, results)
    if (action === 'remove') onGone(results.flatMap(({ id, ok }) => (ok ? [id] : [])))
  }
  return (
    <div className="panel bulk" role="toolbar" aria-label="Chosen tasks">
      <b role="status">
        {done === undefined ? `${plural(ids.length, 'task')} chosen` : `${done} of ${ids.length} done`}
      </b>
      <span className="tools">
        <Button size="xs" variant="default" disabled={done !== undefined} onClick={() => rule('run')}>
          Run now
        </Button>
        <Button size="xs" variant="default" disabled={done !== undefined} onClick={() => rule('pause')}>
          Pause
        </Button>
        <Button size="xs" variant="default" disabled={done !== undefined} onClick={() => rule('resume')}>
          Resume
        </Button>
        <Button size="xs" color="red" variant="light" disabled={done !== undefined} onClick={() => setAsking(true)}>
          Delete
        </Button>
        <Button size="xs" variant="subtle" color="gray" onClick={onClear}>
          Choose none
        </Button>
      </span>
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Delete ${plural(ids.length, 'task')}?`} centered>
        <p>Their history goes with them, and runs in progress are stopped. This cannot be undone.</p>
        <div className="tools dialog-foot">
          <Button variant="default" onClick={() => setAsking(false)}>
            Keep them
          </Button>
          <Button color="red" onClick={() => rule('remove')}>
            Delete {plural(ids.length, 'task')}
          </Button>
        </div>
      </Modal>
    </div>
  )
}

function tell(action: Action, results: readonly BulkResult[]): void {
  const refused = results.filter(({ ok }) => !ok)
  const good = results.length - refused.length
  if (good > 0)
    notifications.show({
      color: 'teal',
      message: `${plural(good, 'task')} ${good === 1 ? 'is' : 'are'} ${DONE[action]}.`,
    })
  if (refused.length === 0) return
  const named = refused.slice(0, NAMED).map(({ message }) => message)
  notifications.show({
    color: 'red',
    title: `${plural(refused.length, 'task')} could not be ${DONE[action]}`,
    message: [...new Set(named)].join(' '),
  })
}
