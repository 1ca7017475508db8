// plugins/web/page/sections/resources.tsx: who uses what: a plot of the last minutes, and a table that adds up.
import { Progress, SegmentedControl } from '@mantine/core'
import type { BudgetStanding, Ledger, PluginStatus } from '@pryx/sdk'
import { useMemo, useRef, useState } from 'react'
import { get } from '../calls.ts'
import { bytes, clockTime, count, percent, rate, span } from '../format.ts'
import { type History, heaviest, type Metric, placesOf, type Rates, spanOf, type Tick } from '../history.ts'
import { Empty, Mark, SectionHead } from '../marks.tsx'
import { type Line, Plot } from '../plot.tsx'
import { usePoll } from '../poll.ts'
import { hrefOf } from '../route.ts'
import { tell, useModel } from '../store.ts'

const EVERY_MS = 2_000
const MOST_LINES = 8 // as many as there are colours

const METRICS: Readonly<Record<Metric, { title: string; of: string; floor: number; text(value: number): string }>> = {
  cpu: { title: 'Processor', of: 'Share of one processor', floor: 0.02, text: percent },
  memory: { title: 'Memory', of: 'Heap of each plugin', floor: 4_000_000, text: bytes },
  calls: { title: 'Calls', of: 'Calls made and served, a second', floor: 1, text: (n) => `${rate(n)}/s` },
  bytes: { title: 'Bytes', of: 'Bytes in and out, a second', floor: 1_000, text: (n) => `${bytes(Math.round(n))}/s` },
  events: { title: 'Events', of: 'Events published and heard, a second', floor: 1, text: (n) => `${rate(n)}/s` },
}

const BUDGETS: Readonly<Record<keyof PluginStatus['budget'], { word: string; text(n: number): string }>> = {
  cpuMsPerMinute: { word: 'processor', text: span },
  callsPerMinute: { word: 'calls', text: count },
  bytesPerMinute: { word: 'bytes', text: bytes },
  eventsPerMinute: { word: 'events', text: count },
}

export function Resources() {
  const history = useModel((model) => model.history)
  const plugins = useModel((model) => model.picture?.plugins)
  const [ledger, setLedger] = useState<Ledger>()
  const [metric, setMetric] = useState<Metric>('cpu')
  const [point, setPoint] = useState<number>()
  const [strong, setStrong] = useState<string>()
  const places = usePlaces(history, metric)
  usePoll('ledger', EVERY_MS, async () => {
    const ledger = await get<Ledger>('/api/ledger')
    return () => {
      setLedger(ledger)
      tell({ t: 'ledger', ledger })
    }
  })
  const latest = history.ticks.at(-1)
  const { of, floor, text } = METRICS[metric]
  const lines = useMemo(() => linesOf(history.ticks, metric, places), [history, metric, places])
  const times = useMemo(() => history.ticks.map(({ at }) => at / 1_000), [history])
  const { from, to } = spanOf(history)
  return (
    <>
      <SectionHead title="Resources" note="Plugins and overhead add up to what the sandbox processes used">
        <SegmentedControl
          className="metrics"
          aria-label="What the plot shows"
          value={metric}
          onChange={(value) => setMetric(value as Metric)}
          data={Object.entries(METRICS).map(([value, { title }]) => ({ value, label: title }))}
        />
      </SectionHead>
      <section className="panel" aria-label={of}>
        <p className="plot-head">
          <span>{of}</span>
          <PointLine tick={point === undefined ? undefined : history.ticks[point]} metric={metric} />
        </p>
        {history.ticks.length < 2 ? (
          <div className="plot-empty">
            <Empty>The first figures are on their way.</Empty>
          </div>
        ) : (
          <Plot
            label={`${of}, the last five minutes. The table below has the figures.`}
            times={times}
            from={from / 1_000}
            to={to / 1_000}
            lines={lines}
            floor={floor}
            format={text}
            strong={strong}
            onPoint={setPoint}
          />
        )}
      </section>
      {ledger && <Table ledger={ledger} plugins={plugins ?? []} tick={latest} places={places} onStrong={setStrong} />}
    </>
  )
}

/** Colours of those that use most; whoever stays keeps its own. */
function usePlaces(history: History, metric: Metric): ReadonlyMap<string, number> {
  const before = useRef<ReadonlyMap<string, number>>(new Map())
  return useMemo(() => {
    before.current = placesOf(before.current, heaviest(history, metric, MOST_LINES))
    return before.current
  }, [history, metric])
}

function linesOf(ticks: readonly Tick[], metric: Metric, places: ReadonlyMap<string, number>): Line[] {
  const plugins = [...places].map(([name, place]) => ({
    name,
    colour: `--series-${place + 1}`,
    values: ticks.map((tick) => tick.plugins[name]?.[metric] ?? null),
  }))
  if (metric !== 'cpu' && metric !== 'bytes') return plugins
  const overhead = ticks.map((tick) => tick.overhead?.[metric] ?? null)
  return [...plugins, { name: 'overhead', colour: '--mantine-color-dimmed', dashed: true, values: overhead }]
}

/** What the plot says at the pointer. */
function PointLine({ tick, metric }: { tick: Tick | undefined; metric: Metric }) {
  if (tick === undefined) return <span className="dim small">the last five minutes</span>
  const { text } = METRICS[metric]
  const most = Object.entries(tick.plugins)
    .sort(([, a], [, b]) => b[metric] - a[metric])
    .slice(0, 3)
  return (
    <span className="small num clip" aria-hidden>
      <span className="dim">{clockTime(tick.at)}</span>
      {most.map(([name, rates]) => (
        <span key={name}>
          {' '}
          · {name} {text(rates[metric])}
        </span>
      ))}
    </span>
  )
}

interface TableProps {
  ledger: Ledger
  plugins: readonly PluginStatus[]
  tick: Tick | undefined
  places: ReadonlyMap<string, number>
  onStrong(name: string | undefined): void
}

function Table({ ledger, plugins, tick, places, onStrong }: TableProps) {
  const { overhead, total, removed } = ledger
  const statuses = new Map(plugins.map((plugin) => [plugin.id, plugin]))
  const rows = [...ledger.plugins].sort((a, b) => b.cpuMs - a.cpuMs || a.plugin.localeCompare(b.plugin))
  return (
    <div className="panel flush">
      <div className="use-row table-head" aria-hidden>
        <span>Plugin</span>
        <span>Processor</span>
        <span>Since start</span>
        <span>Memory</span>
        <span>Calls</span>
        <span>Bytes</span>
        <span>Events</span>
      </div>
      <ul className="bare" aria-label="Use of each plugin" onPointerLeave={() => onStrong(undefined)}>
        {rows.map(({ plugin, cpuMs, eventsDropped }) => (
          <li key={plugin}>
            <a
              className="use-row"
              href={hrefOf('plugins', plugin)}
              onPointerEnter={() => onStrong(plugin)}
              onFocus={() => onStrong(plugin)}
              onBlur={() => onStrong(undefined)}
            >
              <Name name={plugin} place={places.get(plugin)} status={statuses.get(plugin)} />
              <Cells cpuMs={cpuMs} rates={tick?.plugins[plugin]} dropped={eventsDropped} />
            </a>
          </li>
        ))}
        <li className="use-row sum" onPointerEnter={() => onStrong('overhead')}>
          <span className="use-name">
            <b>Overhead</b>
            <span className="dim small">
              starts {span(overhead.startMs)}, messages {span(overhead.threadMs)}, collection and compilation{' '}
              {span(overhead.helpersMs)}
            </span>
          </span>
          <Cells cpuMs={overhead.cpuMs} rates={tick?.overhead} plain />
        </li>
        {removed.cpuMs > 0 && (
          <li className="use-row sum">
            <span className="use-name">
              <b>Removed plugins</b>
            </span>
            <Cells cpuMs={removed.cpuMs} rates={undefined} plain />
          </li>
        )}
        <li className="use-row sum">
          <span className="use-name">
            <b>Total</b>
            <span className="dim small">memory of the sandbox processes, all of it</span>
          </span>
          <Cells cpuMs={total.cpuMs} rates={tick?.total} plain />
        </li>
      </ul>
    </div>
  )
}

function Name({ name, place, status }: { name: string; place: number | undefined; status: PluginStatus | undefined }) {
  return (
    <span className="use-name">
      <span className="line">
        <i className="swatch" data-place={place === undefined ? 'none' : place + 1} aria-hidden />
        <b className="clip">{name}</b>
      </span>
      {Object.entries(status?.budget ?? {}).map(([part, standing]) => (
        <Budget key={part} part={part as keyof PluginStatus['budget']} standing={standing} />
      ))}
    </span>
  )
}

/** How full its vessel is: it drains by what it may use in a minute. */
function Budget({ part, standing }: { part: keyof PluginStatus['budget']; standing: BudgetStanding }) {
  const { used, max, slowed } = standing
  const { word, text } = BUDGETS[part]
  return (
    <span className="budget">
      <Progress
        value={Math.min(100, (used / max) * 100)}
        size={4}
        {...(slowed && { color: 'orange' })}
        aria-label={`Budget: ${word}`}
      />
      <span className="dim small num">
        {word} {text(Math.round(used))} of {text(max)} a minute
      </span>
      {slowed && <Mark tone="wait">Slowed</Mark>}
    </span>
  )
}

interface CellsProps {
  cpuMs: number
  rates: Rates | undefined
  dropped?: number
  /** Has processor time and bytes only. */
  plain?: boolean
}

function Cells({ cpuMs, rates, dropped = 0, plain = false }: CellsProps) {
  const cell = (metric: Metric) => (rates === undefined ? '–' : METRICS[metric].text(rates[metric]))
  const some = (metric: Metric) => (plain && !rates?.[metric] ? undefined : cell(metric))
  return (
    <>
      <Cell name="Processor">{cell('cpu')}</Cell>
      <Cell name="Since start">{span(cpuMs)}</Cell>
      <Cell name="Memory">{some('memory')}</Cell>
      <Cell name="Calls">{some('calls')}</Cell>
      <Cell name="Bytes">{cell('bytes')}</Cell>
      <Cell name="Events" note={dropped > 0 && `${count(dropped)} dropped`}>
        {some('events')}
      </Cell>
    </>
  )
}

function Cell({ name, note, children }: { name: string; note?: string | false; children: string | undefined }) {
  return (
    <span className="metric num" data-label={name} data-empty={children === undefined || undefined}>
      {children}
      {note && <small className="wait"> {note}</small>}
    </span>
  )
}
