// plugins/web/page/sections/packages.tsx: what is installed and from where; looking a plugin up, updating, going back, removing.
//   What is installed is the user's word, given in the window of the host (src/installs.ts); this section only leads there.
import { Button, Checkbox, Modal, TextInput } from '@mantine/core'
import type { InstalledPlugin, OutdatedPlugin } from '@pryx/sdk'
import { IconPackage, IconRefresh } from '@tabler/icons-react'
import { type FormEvent, useCallback, useEffect, useState } from 'react'
import type { Job, Shelf } from '../../src/installs.ts'
import { get, post } from '../calls.ts'
import { clockTime } from '../format.ts'
import { Empty, Mark, SectionHead, StageMark } from '../marks.tsx'
import { hrefOf } from '../route.ts'
import { act, useModel } from '../store.ts'
import { PlanCard, trustWords, type Wanted } from './plan-card.tsx'

const EVERY_MS = 1_500

export function Packages() {
  const { shelf, look } = useShelf()
  const [wanted, setWanted] = useState<Wanted>()
  const [outdated, setOutdated] = useState<OutdatedPlugin[]>()
  const [busy, setBusy] = useState(false)
  const checkUpdates = async () => {
    setBusy(true)
    await act('No updates could be looked for', async () =>
      setOutdated((await get<{ outdated: OutdatedPlugin[] }>('/api/packages/outdated')).outdated),
    )
    setBusy(false)
  }
  const close = () => {
    setWanted(undefined)
    void look()
  }
  return (
    <>
      <SectionHead title="Packages" note="Installed from a registry or a file; nothing goes in before you said yes">
        <Button variant="default" leftSection={<IconRefresh size={16} />} loading={busy} onClick={checkUpdates}>
          Look for updates
        </Button>
      </SectionHead>
      <LookUp onWanted={setWanted} />
      {wanted && <PlanCard key={JSON.stringify(wanted)} wanted={wanted} onClose={close} />}
      <Jobs jobs={shelf?.jobs ?? []} />
      <div className="panel flush">
        <ul className="bare" aria-label="Installed">
          {shelf?.installed.map((one) => (
            <Row
              key={one.id}
              one={one}
              newer={outdated?.find(({ id }) => id === one.id)}
              onUpdate={() => setWanted({ plugin: one.id })}
              onChanged={look}
            />
          ))}
        </ul>
        {!shelf?.installed.length && <Empty>{shelf ? 'Nothing is installed.' : 'Loading'}</Empty>}
      </div>
    </>
  )
}

/** What is installed, looked at anew every while and whenever a plugin changes its state. */
function useShelf(): { shelf: Shelf | undefined; look(): Promise<void> } {
  const [shelf, setShelf] = useState<Shelf>()
  const stages = useModel((model) =>
    model.picture?.plugins.map(({ id, version, stage }) => id + version + stage).join(),
  )
  const look = useCallback(async () => {
    await get<Shelf>('/api/packages').then(setShelf, () => {}) // the next look may succeed
  }, [])
  useEffect(() => {
    void look()
    const timer = setInterval(look, EVERY_MS)
    return () => clearInterval(timer)
  }, [look, stages])
  return { shelf, look }
}

function LookUp({ onWanted }: { onWanted(wanted: Wanted): void }) {
  const [spec, setSpec] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (spec.trim() !== '') onWanted({ spec: spec.trim() })
  }
  return (
    <form className="filters spaced" onSubmit={submit}>
      <TextInput
        aria-label="Plugin to install"
        placeholder="pryx-plugin-weather@^1.2.0, ./folder or ./file.tgz"
        leftSection={<IconPackage size={16} />}
        value={spec}
        maxLength={512}
        onChange={(event) => setSpec(event.currentTarget.value)}
      />
      <Button type="submit" disabled={spec.trim() === ''}>
        Look it up
      </Button>
    </form>
  )
}

const STATES = {
  asking: { word: 'Waits for your yes', tone: 'wait' },
  done: { word: 'Installed', tone: 'good' },
  failed: { word: 'Not installed', tone: 'bad' },
} as const

function Jobs({ jobs }: { jobs: readonly Job[] }) {
  if (jobs.length === 0) return null
  return (
    <ul className="panel rows package-jobs" aria-label="Installs">
      {jobs.map(({ id, name, version, before, at, state, error }) => (
        <li key={id}>
          <time className="dim small">{clockTime(at)}</time> <b>{name}</b> {before ? `${before} → ${version}` : version}{' '}
          <Mark tone={STATES[state].tone}>{STATES[state].word}</Mark>
          {error && (
            <p className="small dim">
              {error.message}. {error.hint}
            </p>
          )}
        </li>
      ))}
    </ul>
  )
}

interface RowProps {
  one: InstalledPlugin
  newer: OutdatedPlugin | undefined
  onUpdate(): void
  onChanged(): Promise<void>
}

function Row({ one, newer, onUpdate, onChanged }: RowProps) {
  const { id, name, version, source, trust, provenance, previous, problem } = one
  const [removing, setRemoving] = useState(false)
  const [log, setLog] = useState(false)
  const back = previous.at(-1)
  const path = `/api/packages/${encodeURIComponent(id)}`
  const running = useModel((model) => model.picture?.plugins.find((plugin) => plugin.id === id))
  const rollBack = async () => {
    await act(`${id} was not rolled back`, () => post(`${path}/rollback`))
    await onChanged()
  }
  return (
    <li className="package-row" aria-label={id}>
      <div className="grow">
        <p>
          <b>{id}</b>{' '}
          <span className="dim">
            {name} {version}
          </span>{' '}
          {running && <StageMark stage={running.stage} asleep={running.asleep} />}{' '}
          {newer && newer.wanted !== newer.version && <Mark tone="wait">{newer.wanted} is there</Mark>}
          {newer?.deprecated !== undefined && <Mark tone="bad">Deprecated</Mark>}
          {newer?.withdrawn && <Mark tone="bad">Withdrawn</Mark>}
        </p>
        <p className="dim small clip" title={source}>
          <code>{source}</code> · {trust ? trustWords(trust, provenance) : 'a folder, taken as it is'}
        </p>
        {problem && (
          <p className="notice">
            {problem.message}. {problem.hint}
          </p>
        )}
        {log && <Log path={path} />}
      </div>
      <div className="package-acts">
        {trust && (
          <Button size="xs" variant="default" onClick={onUpdate}>
            Update
          </Button>
        )}
        {back !== undefined && (
          <Button size="xs" variant="default" onClick={rollBack}>
            Back to {back}
          </Button>
        )}
        {running && (
          <Button size="xs" variant="default" component="a" href={hrefOf('plugins', id)}>
            Permissions
          </Button>
        )}
        <Button size="xs" variant="default" aria-expanded={log} onClick={() => setLog(!log)}>
          Log
        </Button>
        {trust && (
          <Button size="xs" variant="subtle" color="red" onClick={() => setRemoving(true)}>
            Remove
          </Button>
        )}
      </div>
      {removing && <Removal id={id} path={path} onClose={() => setRemoving(false)} onChanged={onChanged} />}
    </li>
  )
}

function Removal({
  id,
  path,
  onClose,
  onChanged,
}: {
  id: string
  path: string
  onClose(): void
  onChanged(): Promise<void>
}) {
  const [keepData, setKeepData] = useState(true)
  const remove = async () => {
    await act(`${id} was not removed`, () => post(`${path}/remove`, { keepData }))
    onClose()
    await onChanged()
  }
  return (
    <Modal opened onClose={onClose} title={`Remove ${id}?`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <p>It stops at once, and what you allowed it is forgotten.</p>
      <Checkbox
        my="md"
        label="Keep its data and secrets"
        checked={keepData}
        onChange={(event) => setKeepData(event.currentTarget.checked)}
      />
      <Button color="red" onClick={remove}>
        Remove {id}
      </Button>
    </Modal>
  )
}

function Log({ path }: { path: string }) {
  const [lines, setLines] = useState<{ at: number; level: string; text: string }[]>()
  useEffect(() => {
    get<{ lines: { at: number; level: string; text: string }[] }>(`${path}/logs`).then(
      (answer) => setLines(answer.lines),
      () => setLines([]),
    )
  }, [path])
  if (!lines?.length) return <Empty>{lines ? 'It has said nothing lately.' : 'Loading'}</Empty>
  return (
    <ol className="log" aria-label="Log">
      {lines.toReversed().map(({ at, level, text }, index) => (
        <li key={index} data-level={level}>
          <time className="dim">{clockTime(at)}</time> <span>{text}</span>
        </li>
      ))}
    </ol>
  )
}
