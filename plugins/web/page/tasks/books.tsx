// plugins/web/page/tasks/books.tsx: the ledger of a task: expected = ran + merged + skipped + missed + waiting, each with its reason (S8).
import { SegmentedControl } from '@mantine/core'
import type { Balance, Fate } from '@pryx/plugin-scheduler/service'
import { useState } from 'react'
import { count, fullTime } from '../format.ts'
import { Empty, Mark } from '../marks.tsx'
import { taskPath, useAsked } from './ask.ts'

const FATES: Record<Fate, { word: string; tone: 'good' | 'calm' | 'wait' }> = {
  ran: { word: 'Ran', tone: 'good' },
  merged: { word: 'Merged', tone: 'calm' },
  skipped: { word: 'Skipped', tone: 'calm' },
  missed: { word: 'Missed', tone: 'wait' },
  waiting: { word: 'Waiting', tone: 'wait' },
}

export function Books({ id, tick }: { id: string; tick: number }) {
  const [days, setDays] = useState('7')
  const { data, error } = useAsked<Balance>(taskPath(id, `/ledger?days=${days}`), tick)
  return (
    <div className="detail">
      <div className="history-head">
        <span className="dim small">
          {data ? `${fullTime(data.from)} to ${fullTime(data.to)}` : 'What became of every occurrence'}
        </span>
        <SegmentedControl
          size="xs"
          aria-label="Over how many days"
          value={days}
          onChange={setDays}
          data={[
            { value: '1', label: 'A day' },
            { value: '7', label: 'A week' },
            { value: '30', label: '30 days' },
            { value: '365', label: 'A year' },
          ]}
        />
      </div>
      {error !== undefined ? (
        <Empty>{error.message}</Empty>
      ) : data === undefined ? (
        <Empty>Loading</Empty>
      ) : (
        <Sums books={data} />
      )}
    </div>
  )
}

function Sums({ books }: { books: Balance }) {
  const { expected, balanced, exact, reasons } = books
  const fates = Object.keys(FATES) as Fate[]
  return (
    <section className="panel" aria-label="Books">
      <p className="sum">
        <b className="num">{count(expected)}</b> expected ={' '}
        {fates.map((fate, i) => (
          <span key={fate}>
            {i > 0 && ' + '}
            <b className="num">{count(books[fate])}</b> {FATES[fate].word.toLowerCase()}
          </span>
        ))}
      </p>
      <p>
        {balanced ? (
          <Mark tone="good">Every occurrence is accounted for</Mark>
        ) : (
          <Mark tone="bad">The books do not balance</Mark>
        )}
        {!exact && <span className="dim small"> So many were asked for that not all were counted.</span>}
      </p>
      {reasons.length > 0 && (
        <ul className="rows" aria-label="Reasons">
          {reasons.map(({ fate, reason, count: times }) => (
            <li key={`${fate} ${reason}`} className="reason-line">
              <b className="num">{count(times)}</b>
              <Mark tone={FATES[fate].tone}>{FATES[fate].word}</Mark>
              <span className="dim">{reason}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
