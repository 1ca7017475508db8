// plugins/web/page/tasks/charts.tsx: success, duration and cost day by day, of all tasks or of one; the month against its budget.
import { SegmentedControl } from '@mantine/core'
import type { Day, Rhythm, Spending } from '@pryx/plugin-scheduler/service'
import { useMemo, useState } from 'react'
import { count, fullTime, span } from '../format.ts'
import { Empty, Mark, SectionHead } from '../marks.tsx'
import { Plot } from '../plot.tsx'
import { hrefOf } from '../route.ts'
import { taskPath, useAsked, useTaskTick } from './ask.ts'
import { everyDay, type Filled } from './days.ts'
import { Back, Budgets } from './places.tsx'
import { money, share } from './words.tsx'

const HEIGHT = 170
const UNUSUAL = { slow: 'Slow', fast: 'Quick', costly: 'Costly', missed: 'Missed' } as const

interface Chart {
  title: string
  colour: string
  floor: number
  of(day: Filled): number | null
  text(value: number): string
}

const CHARTS: readonly Chart[] = [
  { title: 'Success', colour: '--good', floor: 1, of: ({ success }) => success, text: share },
  { title: 'Runs', colour: '--series-5', floor: 4, of: ({ runs }) => runs, text: (n) => count(Math.round(n)) },
  { title: 'Time a run takes', colour: '--series-3', floor: 1_000, of: ({ averageMs }) => averageMs, text: span },
  {
    title: 'Cost',
    colour: '--series-2',
    floor: 0.01,
    of: ({ costUsd }) => costUsd,
    text: (usd) => `$${usd.toFixed(usd < 0.1 ? 3 : 2)}`,
  },
]

/** @param id Of one task; undefined: a page of its own, for all together. */
export function Charts({ id }: { id?: string }) {
  const tick = useTaskTick(id)
  const [days, setDays] = useState('30')
  const query = new URLSearchParams({ days, ...(id !== undefined && { id }) })
  const { data, error } = useAsked<{ days: Day[] }>(`/api/tasks/days?${query}`, tick)
  const spending = useAsked<Spending>(id === undefined ? '/api/tasks/spending' : undefined, tick).data
  const rhythm = useAsked<Rhythm>(id === undefined ? undefined : taskPath(id, '/rhythm'), tick).data
  const filled = useMemo(() => everyDay(data?.days ?? [], Number(days), Date.now()), [data, days])
  const range = (
    <SegmentedControl
      size="xs"
      aria-label="Over how many days"
      value={days}
      onChange={setDays}
      data={[
        { value: '7', label: 'A week' },
        { value: '30', label: '30 days' },
        { value: '90', label: '90 days' },
      ]}
    />
  )
  return (
    <div className="detail">
      {id === undefined ? (
        <>
          <Back />
          <SectionHead title="Charts" note="All tasks together">
            {range}
          </SectionHead>
          {spending && <Month spending={spending} />}
        </>
      ) : (
        <div className="history-head">
          <span />
          {range}
        </div>
      )}
      {error !== undefined ? (
        <Empty>{error.message}</Empty>
      ) : data === undefined ? (
        <Empty>Loading</Empty>
      ) : data.days.length === 0 ? (
        <div className="panel">
          <Empty>Nothing ran in this time, so there is nothing to draw.</Empty>
        </div>
      ) : (
        <div className="charts">
          {CHARTS.map((chart) => (
            <Drawn key={chart.title} chart={chart} days={filled} />
          ))}
        </div>
      )}
      {rhythm && id !== undefined && <Unusuals id={id} rhythm={rhythm} />}
    </div>
  )
}

function Drawn({ chart, days }: { chart: Chart; days: readonly Filled[] }) {
  const [point, setPoint] = useState<number>()
  const { title, colour, floor, of, text } = chart
  const values = useMemo(() => days.map(of), [days])
  const times = useMemo(() => days.map(({ at }) => at / 1_000), [days])
  const lines = useMemo(() => [{ name: title, colour, values, dots: true }], [values])
  const shown = days[point ?? days.length - 1]
  const value = shown && of(shown)
  const known = values.filter((each) => each !== null)
  const low = Math.min(...known)
  const high = Math.max(...known)
  return (
    <section className="panel" aria-label={title}>
      <p className="plot-head">
        <span>{title}</span>
        <span className="small num">
          <span className="dim">{shown?.day}</span> {value === null || value === undefined ? '–' : text(value)}
        </span>
      </p>
      {known.length === 0 ? (
        <div className="plot-empty chart-empty">
          <Empty>No figures in this time.</Empty>
        </div>
      ) : (
        <Plot
          label={`${title} over ${days.length} days: from ${text(low)} to ${text(high)}`}
          times={times}
          from={times[0] ?? 0}
          to={times.at(-1) ?? 0}
          lines={lines}
          floor={floor}
          height={HEIGHT}
          format={text}
          moment={(seconds) => new Date(seconds * 1_000).toLocaleDateString([], { day: 'numeric', month: 'short' })}
          strong={undefined}
          onPoint={setPoint}
        />
      )}
    </section>
  )
}

function Month({ spending: { month, day, budgets, forecastUsd } }: { spending: Spending }) {
  return (
    <section className="panel month" aria-label="Money">
      <p>
        <b className="tile-value num">{money(month.costUsd, month.unpriced) || '$0.00'}</b> this month
        <span className="dim small">
          {' '}
          {money(day.costUsd, day.unpriced) || 'nothing'} today, {count(month.calls)} model calls
          {month.unpriced > 0 && `, ${count(month.unpriced)} of unknown price`}
          {forecastUsd !== undefined && `, about $${forecastUsd.toFixed(2)} at this pace`}
        </span>
      </p>
      {budgets.length === 0 ? (
        <p className="dim small">
          No monthly budget is set for all tasks. `monthlyBudgetUsd` in the scheduler’s config sets one.
        </p>
      ) : (
        <Budgets lines={budgets} />
      )}
    </section>
  )
}

function Unusuals({ id, rhythm }: { id: string; rhythm: Rhythm }) {
  return (
    <section className="panel" aria-label="Out of the ordinary">
      <h2>Out of the ordinary</h2>
      {rhythm.unusual.length === 0 ? (
        <Empty>
          {rhythm.ok < 8 ? 'After eight good runs it is known what is usual.' : 'Nothing: all runs were as usual.'}
        </Empty>
      ) : (
        <ul className="rows">
          {rhythm.unusual.map(({ run, at, kind, text }) => (
            <li key={`${run} ${kind}`} className="reason-line">
              <Mark tone="wait">{UNUSUAL[kind]}</Mark>
              <a className="grow" href={hrefOf('tasks', id, run)}>
                {text}
              </a>
              <time className="dim small">{fullTime(at)}</time>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
