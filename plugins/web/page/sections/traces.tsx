// plugins/web/page/sections/traces.tsx: which requests were slow, and where the time of one went.
import { Button, Drawer, NativeSelect, SegmentedControl } from '@mantine/core'
import type { TraceSummary } from '@pryx/sdk'
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useState } from 'react'
import { get } from '../calls.ts'
import { clockTime, plural, took } from '../format.ts'
import { Kinds } from '../kinds.tsx'
import { Empty, SectionHead } from '../marks.tsx'
import { usePoll } from '../poll.ts'
import { goTo, hrefOf, useRoute } from '../route.ts'
import { useModel } from '../store.ts'
import { KINDS, WORK } from '../trace-tree.ts'
import { Waterfall } from './waterfall.tsx'

const EVERY_MS = 3_000

export function Traces() {
  const ids = useModel((model) => model.picture?.plugins)?.map(({ id }) => id) ?? []
  const [plugin, setPlugin] = useState('')
  const [minMs, setMinMs] = useState('1')
  const [order, setOrder] = useState('newest')
  const [held, setHeld] = useState(false)
  const [traces, setTraces] = useState<readonly TraceSummary[]>()
  const { item } = useRoute()
  const query = new URLSearchParams({ minMs, ...(plugin && { plugin }) }).toString()
  usePoll(held ? undefined : query, EVERY_MS, async () => {
    const { traces } = await get<{ traces: TraceSummary[] }>(`/api/traces?${query}`)
    return () => setTraces(traces)
  })
  const listed = [...(traces ?? [])].sort(order === 'slowest' ? (a, b) => b.ms - a.ms : (a, b) => b.at - a.at)
  const longest = Math.max(...listed.map(({ ms }) => ms), 0)
  return (
    <>
      <SectionHead title="Traces" note="Requests are recorded while this is open; names and times, never what was said">
        <Button
          variant={held ? 'filled' : 'default'}
          leftSection={held ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
          onClick={() => setHeld(!held)}
        >
          {held ? 'Resume' : 'Pause'}
        </Button>
      </SectionHead>
      <div className="filters traces-filters">
        <NativeSelect
          aria-label="Plugin"
          value={plugin}
          onChange={(event) => setPlugin(event.currentTarget.value)}
          data={[{ value: '', label: 'All plugins' }, ...ids]}
        />
        <SegmentedControl
          aria-label="How slow at least"
          value={minMs}
          onChange={setMinMs}
          data={['0', '1', '10', '100'].map((value) => ({ value, label: value === '0' ? 'Any' : `≥ ${value} ms` }))}
        />
        <SegmentedControl
          aria-label="Order"
          value={order}
          onChange={setOrder}
          data={[
            { value: 'newest', label: 'Newest' },
            { value: 'slowest', label: 'Slowest' },
          ]}
        />
      </div>
      <Kinds />
      <div className="panel flush">
        <ul className="bare" aria-label="Requests">
          {listed.map((trace) => (
            <li key={trace.trace}>
              <Row trace={trace} longest={longest} />
            </li>
          ))}
        </ul>
        {listed.length === 0 && (
          <Empty>{traces === undefined ? 'Loading' : 'No request so far that fits. They show up as they end.'}</Empty>
        )}
      </div>
      <Drawer
        opened={item !== undefined}
        onClose={() => goTo('traces')}
        position="right"
        size={820}
        lockScroll={false}
        title="One request"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {item !== undefined && <Waterfall key={item} id={item} />}
      </Drawer>
    </>
  )
}

function Row({ trace, longest }: { trace: TraceSummary; longest: number }) {
  const { name, plugin, at, ms, error, parts, spans } = trace
  const words = WORK.filter((kind) => parts[kind] > 0).map((kind) => `${KINDS[kind].word} ${took(parts[kind])}`)
  return (
    <a className="trace-row" href={hrefOf('traces', trace.trace)} title={words.join(', ')}>
      <time className="dim num small">{clockTime(at)}</time>
      <span className="trace-name">
        <b className="clip">{name}</b>
        <span className="dim small clip">
          {plugin}, {plural(spans, 'part')}
        </span>
      </span>
      {error === undefined ? <span /> : <code className="bad clip small">{error}</code>}
      <Stack parts={parts} share={longest === 0 ? 0 : ms / longest} />
      <span className="num trace-ms">{took(ms)}</span>
    </a>
  )
}

/** Its length: beside the longest; its colours: where the time went. Nested work may sum to more than the request took. */
function Stack({ parts, share }: { parts: TraceSummary['parts']; share: number }) {
  const sum = Math.max(0.001, ...[WORK.reduce((all, kind) => all + parts[kind], 0)])
  return (
    <span className="stack" aria-hidden>
      <span style={{ width: `${Math.max(1, share * 100)}%` }}>
        {WORK.map(
          (kind) => parts[kind] > 0 && <i key={kind} data-kind={kind} style={{ flexGrow: parts[kind] / sum }} />,
        )}
      </span>
    </span>
  )
}
