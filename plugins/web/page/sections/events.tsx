// plugins/web/page/sections/events.tsx: everything that happens, as it happens.
import { Button, Chip, TextInput } from '@mantine/core'
import { IconPlayerPause, IconPlayerPlay, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import type { Heard } from '../../src/events.ts'
import { clockTime, fullTime, oneLine, plural } from '../format.ts'
import { Empty, SectionHead } from '../marks.tsx'
import { useModel } from '../store.ts'

const MAX_SHOWN = 300

export function Events() {
  const events = useModel((model) => model.events)
  const [words, setWords] = useState('')
  const [families, setFamilies] = useState<string[]>([])
  const [held, setHeld] = useState<readonly Heard[]>()
  const source = held ?? events
  const shown = source.filter((event) => matches(event, words, families)).slice(-MAX_SHOWN)
  const missed = held === undefined ? 0 : (events.at(-1)?.seq ?? 0) - (held.at(-1)?.seq ?? 0)
  return (
    <>
      <SectionHead title="Events" note="Everything that plugins and the kernel publish, newest first">
        <div className="filters">
          <TextInput
            aria-label="Filter events"
            placeholder="Filter by name, plugin or content"
            leftSection={<IconSearch size={16} />}
            value={words}
            onChange={(event) => setWords(event.currentTarget.value)}
          />
          <Button
            variant={held === undefined ? 'default' : 'filled'}
            leftSection={held === undefined ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}
            onClick={() => setHeld(held === undefined ? events : undefined)}
          >
            {held === undefined ? 'Pause' : `Resume${missed > 0 ? ` (${missed} new)` : ''}`}
          </Button>
        </div>
      </SectionHead>
      <Chip.Group multiple value={families} onChange={setFamilies}>
        <fieldset className="chips families" aria-label="Kinds of events">
          {familiesOf(source).map((family) => (
            <Chip key={family} value={family} size="xs" variant="light">
              {family}
            </Chip>
          ))}
        </fieldset>
      </Chip.Group>
      <div className="panel flush">
        <ol className="bare stream" aria-label="Events">
          {shown.toReversed().map((event) => (
            <Row key={event.seq} event={event} />
          ))}
        </ol>
        {shown.length === 0 && <Empty>{events.length === 0 ? 'Nothing has happened yet.' : 'No event fits.'}</Empty>}
      </div>
      {shown.length === MAX_SHOWN && <p className="dim small">The newest {plural(MAX_SHOWN, 'event')} are shown.</p>}
    </>
  )
}

function Row({ event }: { event: Heard }) {
  const { name, from, at, data, clipped } = event
  const [open, setOpen] = useState(false)
  return (
    <li>
      <button type="button" className="event-row" aria-expanded={open} onClick={() => setOpen(!open)}>
        <time title={fullTime(at)}>{clockTime(at)}</time>
        <span className="event-name" data-tone={toneOf(name)}>
          {name}
        </span>
        <span className="dim event-from">{from}</span>
        <span className="event-text clip">{oneLine(data)}</span>
      </button>
      {open && (
        <pre className="event-data">
          {typeof data === 'string' ? data : JSON.stringify(data, null, 2)}
          {clipped && '\n(cut: too long to show)'}
        </pre>
      )}
    </li>
  )
}

function matches(event: Heard, words: string, families: readonly string[]): boolean {
  if (families.length > 0 && !families.includes(familyOf(event.name))) return false
  const wanted = words.trim().toLowerCase()
  return wanted === '' || `${event.name} ${event.from} ${oneLine(event.data)}`.toLowerCase().includes(wanted)
}

function familiesOf(events: readonly Heard[]): string[] {
  return [...new Set(events.map(({ name }) => familyOf(name)))].sort()
}

function familyOf(name: string): string {
  return name.split('.')[0] ?? name
}

function toneOf(name: string): string {
  if (/failed|revoked|dropped|missed|replaced/.test(name)) return 'bad'
  if (/^(alert|approval)\./.test(name)) return 'wait'
  return name.startsWith('plugin.') || name.startsWith('permission.') ? 'accent' : 'calm'
}
