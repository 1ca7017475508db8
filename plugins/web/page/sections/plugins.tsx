// plugins/web/page/sections/plugins.tsx: every plugin at a glance; one of them in a drawer.
import { Drawer, SegmentedControl, TextInput } from '@mantine/core'
import type { PluginStatus } from '@pryx/sdk'
import { IconAlertCircle, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { bytes, count, percent, plural } from '../format.ts'
import { Empty, SectionHead, StageMark } from '../marks.tsx'
import { goTo, hrefOf, useRoute } from '../route.ts'
import { Spark } from '../spark.tsx'
import { useModel } from '../store.ts'
import { PluginDetail } from './plugin-detail.tsx'

const ORDER = ['failed', 'waiting', 'starting', 'stopping', 'active', 'stopped', 'disabled']
type Show = 'all' | 'active' | 'trouble'

export function Plugins() {
  const plugins = useModel((model) => model.picture?.plugins)
  const [words, setWords] = useState('')
  const [show, setShow] = useState<Show>('all')
  const { item } = useRoute()
  const open = plugins?.find(({ id }) => id === item)
  const listed = (plugins ?? []).filter((plugin) => matches(plugin, words, show)).sort(byStage)
  return (
    <>
      <SectionHead
        title="Plugins"
        note={plugins && `${plural(plugins.length, 'plugin')}, each in an isolate of its own`}
      >
        <div className="filters">
          <TextInput
            aria-label="Filter plugins"
            placeholder="Filter"
            leftSection={<IconSearch size={16} />}
            value={words}
            onChange={(event) => setWords(event.currentTarget.value)}
          />
          <SegmentedControl
            aria-label="Which plugins"
            value={show}
            onChange={(value) => setShow(value as Show)}
            data={[
              { value: 'all', label: 'All' },
              { value: 'active', label: 'Active' },
              { value: 'trouble', label: 'Trouble' },
            ]}
          />
        </div>
      </SectionHead>
      <div className="panel flush">
        <div className="plugin-row table-head" aria-hidden>
          <span>Plugin</span>
          <span>State</span>
          <span>Processor</span>
          <span>Memory</span>
          <span>Queue</span>
          <span>Process</span>
        </div>
        <ul className="bare" aria-label="Plugins">
          {listed.map((plugin) => (
            <Row key={plugin.id} plugin={plugin} />
          ))}
        </ul>
        {listed.length === 0 && <Empty>{plugins === undefined ? 'Loading' : 'No plugin fits.'}</Empty>}
      </div>
      <Drawer
        opened={open !== undefined}
        onClose={() => goTo('plugins')}
        position="right"
        size={560}
        lockScroll={false}
        title={open && <DrawerTitle plugin={open} />}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {open && <PluginDetail plugin={open} />}
      </Drawer>
    </>
  )
}

function Row({ plugin }: { plugin: PluginStatus }) {
  const { id, description, stage, asleep, reason, usage, queue, process, limits, failures } = plugin
  const samples = useModel((model) => model.samples[id])
  return (
    <li>
      <a className="plugin-row" href={hrefOf('plugins', id)} aria-label={`${id}, ${stage}`}>
        <span className="plugin-name">
          <b>{id}</b>
          <span className="dim clip">{description}</span>
          {reason !== undefined && !asleep && (
            <span className="reason" data-calm={(stage !== 'failed' && failures === 0) || undefined}>
              <IconAlertCircle size={15} aria-hidden /> {reason}
            </span>
          )}
        </span>
        <span>
          <StageMark stage={stage} asleep={asleep} />
          {failures > 0 && <small className="dim"> {plural(failures, 'failure')}</small>}
        </span>
        <span className="metric" data-label="Processor">
          <span className="num">{percent(samples?.at(-1)?.cpu ?? 0)}</span>
          <Spark values={(samples ?? []).map((sample) => sample.cpu)} floor={0.05} />
        </span>
        <span className="metric" data-label="Memory">
          <span className="num">{bytes(usage.heapBytes)}</span>
          <small className="dim">of {limits.memoryMb} MB</small>
        </span>
        <span className="metric" data-label="Queue">
          <span className="num">{count(queue.queued)}</span>
          {queue.dropped > 0 && <small className="wait">{count(queue.dropped)} dropped</small>}
        </span>
        <span className="metric" data-label="Process">
          <span className="dim">{process || 'none'}</span>
        </span>
      </a>
    </li>
  )
}

function DrawerTitle({ plugin }: { plugin: PluginStatus }) {
  return (
    <span className="drawer-title">
      <b>{plugin.id}</b>
      <StageMark stage={plugin.stage} asleep={plugin.asleep} />
    </span>
  )
}

function matches(
  { id, description, stage, asleep, failures, queue }: PluginStatus,
  words: string,
  show: Show,
): boolean {
  if (show === 'active' && stage !== 'active') return false
  const waits = stage === 'waiting' && !asleep
  if (show === 'trouble' && stage !== 'failed' && !waits && failures === 0 && queue.dropped === 0) return false
  return `${id} ${description}`.toLowerCase().includes(words.trim().toLowerCase())
}

function byStage(a: PluginStatus, b: PluginStatus): number {
  return ORDER.indexOf(a.stage) - ORDER.indexOf(b.stage) || a.id.localeCompare(b.id)
}
