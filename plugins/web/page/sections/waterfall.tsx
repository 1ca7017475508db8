// plugins/web/page/sections/waterfall.tsx: one request, part by part, each where it lay in time.
import { Skeleton } from '@mantine/core'
import type { TraceRecord } from '@pryx/sdk'
import { useEffect, useState } from 'react'
import { get, type Refusal } from '../calls.ts'
import { fullTime, plural, took } from '../format.ts'
import { Kinds } from '../kinds.tsx'
import { Empty } from '../marks.tsx'
import { type Branch, barOf, branchesOf, KINDS } from '../trace-tree.ts'

const DEEPEST = 12 // past it, further levels are not set in

export function Waterfall({ id }: { id: string }) {
  const [found, setFound] = useState<TraceRecord | Refusal>()
  useEffect(() => {
    let gone = false
    const take = (answer: TraceRecord | Refusal) => gone || setFound(answer)
    get<TraceRecord>(`/api/traces/${encodeURIComponent(id)}`).then(take, take)
    return () => {
      gone = true
    }
  }, [id])
  if (found === undefined) return <Skeleton height={240} />
  if (found instanceof Error) return <Empty>{[found.message, found.hint].filter(Boolean).join('. ')}</Empty>
  return <Drawn trace={found} />
}

function Drawn({ trace }: { trace: TraceRecord }) {
  const { name, plugin, at, ms, error, spans, left } = trace
  return (
    <div className="detail">
      <h2 className="trace-title">{name}</h2>
      <p className="dim small">
        began with {plugin}, {fullTime(at)}, took <b className="num">{took(ms)}</b>
        {error !== undefined && (
          <>
            , failed: <code className="bad">{error}</code>
          </>
        )}
      </p>
      <Kinds />
      <div className="scale dim small num" aria-hidden>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <span key={share}>{took(ms * share)}</span>
        ))}
      </div>
      <ol className="waterfall" aria-label="Parts of the request, in order">
        {branchesOf(trace).map((branch) => (
          <Part key={branch.span.id} branch={branch} wholeMs={ms} />
        ))}
      </ol>
      {left > 0 && <p className="dim small">{plural(left, 'part')} more were not kept.</p>}
      <p className="dim small">
        {plural(spans.length, 'part')}. The same in a terminal: <code>pryx trace {trace.trace}</code>
      </p>
    </div>
  )
}

function Part({ branch: { span, depth }, wholeMs }: { branch: Branch; wholeMs: number }) {
  const { kind, name, plugin, startMs, ms, error } = span
  const { left, width } = barOf(span, wholeMs)
  const { word, means } = KINDS[kind]
  return (
    <li className="part" title={`${means}; from ${took(startMs)}`}>
      <span className="part-name clip" style={{ paddingLeft: `${Math.min(depth, DEEPEST) * 0.8}rem` }}>
        <span className="dim">{word}</span> {name} <span className="dim">{plugin}</span>
        {error !== undefined && <code className="bad"> {error}</code>}
      </span>
      <span className="part-bar" aria-hidden>
        <i
          data-kind={kind}
          data-failed={error !== undefined || undefined}
          style={{ left: `${left}%`, width: `${width}%` }}
        />
      </span>
      <span className="num part-ms">{took(ms)}</span>
    </li>
  )
}
