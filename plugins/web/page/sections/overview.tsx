// plugins/web/page/sections/overview.tsx: is all well, what waits for me, what goes on. Answers in that order.
import { Progress, Skeleton } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Picture } from '../../src/watch.ts'
import { AlertList } from '../alerts.tsx'
import { ApprovalList } from '../approvals.tsx'
import { bytes, count, percent, plural, relative, span } from '../format.ts'
import { Empty, SectionHead } from '../marks.tsx'
import { type Model, memoryOf, type Sample } from '../model.ts'
import { hrefOf } from '../route.ts'
import { Spark } from '../spark.tsx'
import { useModel, useNow } from '../store.ts'
import { Channels } from './channels.tsx'

const COMING = 6

export function Overview() {
  const picture = useModel((model) => model.picture)
  const samples = useModel((model) => model.samples[''])
  const waiting = useModel((model) => model.approvals.length)
  const link = useModel((model) => model.link)
  if (picture === undefined) return <Loading link={link} />
  return (
    <>
      <SectionHead title={headline(picture, waiting, link)} note={<HostLine picture={picture} />} />
      <ApprovalList />
      <Tiles picture={picture} samples={samples ?? []} />
      <div className="columns">
        <div className="column">
          <Panel title="Latest alerts">
            <AlertList max={6} />
          </Panel>
          <Panel title="Coming up" more={<a href={hrefOf('tasks')}>All tasks</a>}>
            <Coming picture={picture} />
          </Panel>
        </div>
        <div className="column">
          <Panel title="Channels">
            <Channels />
          </Panel>
          <Panel title="Processes">
            <Processes picture={picture} />
          </Panel>
        </div>
      </div>
    </>
  )
}

/** One sentence, the worst news first. */
function headline({ plugins }: Picture, waiting: number, link: Model['link']): string {
  const failed = plugins.filter(({ stage }) => stage === 'failed')
  if (link === 'away') return 'Pryx is out of reach'
  if (waiting > 0) return `${plural(waiting, 'question')} ${waiting === 1 ? 'waits' : 'wait'} for you`
  if (failed.length === 1) return `${failed[0]!.id} has failed`
  if (failed.length > 1) return `${failed.length} plugins have failed`
  return 'All is well'
}

function HostLine({ picture: { host } }: { picture: Picture }) {
  const now = useNow()
  return (
    <>
      Pryx {host.version} on Node {host.node}, up for {span(now - host.startedAt)}
    </>
  )
}

function Tiles({ picture, samples }: { picture: Picture; samples: readonly Sample[] }) {
  const { plugins, host } = picture
  const active = plugins.filter(({ stage }) => stage === 'active').length
  const failed = plugins.filter(({ stage }) => stage === 'failed')
  const queued = plugins.reduce((sum, { queue }) => sum + queue.queued, 0)
  const calls = plugins.reduce((sum, { usage }) => sum + usage.calls, 0)
  return (
    <div className="tiles">
      <Tile label="Plugins active" href={hrefOf('plugins')} value={String(active)} unit={`of ${plugins.length}`}>
        {failed.length > 0 ? (
          <span className="bad">{failed.map(({ id }) => id).join(', ')} failed</span>
        ) : (
          'none failed'
        )}
      </Tile>
      <Tile label="Memory" {...split(bytes(memoryOf(picture)))} spark={samples.map((sample) => sample.bytes)} floor={1}>
        kernel {bytes(host.rssBytes)}, {plural(host.processes.length, 'sandbox', 'sandboxes')}
      </Tile>
      <Tile
        label="Processor, plugins"
        {...split(percent(samples.at(-1)?.cpu ?? 0))}
        spark={samples.map((sample) => sample.cpu)}
        floor={0.05}
      >
        of one core, last 2 s
      </Tile>
      <Tile label="Calls made" value={count(calls)} unit="">
        {queued === 0 ? 'nothing queued' : `${plural(queued, 'message')} queued`}
      </Tile>
    </div>
  )
}

interface TileProps {
  label: string
  value: string
  unit: string
  spark?: readonly number[]
  floor?: number
  href?: string
  children: ReactNode
}

function Tile({ label, value, unit, spark, floor = 0, href, children }: TileProps) {
  const inside = (
    <>
      <span className="eyebrow">{label}</span>
      <span className="tile-value">
        {value} <small>{unit}</small>
      </span>
      <span className="dim small">{children}</span>
      {spark !== undefined && <Spark values={spark} floor={floor} />}
    </>
  )
  return href === undefined ? (
    <div className="panel tile">{inside}</div>
  ) : (
    <a className="panel tile" href={href}>
      {inside}
    </a>
  )
}

function Processes({ picture: { host } }: { picture: Picture }) {
  const largest = Math.max(host.rssBytes, ...host.processes.map(({ rssBytes }) => rssBytes), 1)
  return (
    <ul className="rows">
      <li className="process">
        <ProcessLine name="kernel" pid={host.pid} rss={host.rssBytes} largest={largest} />
        <p className="dim small">decides; runs no plugin code</p>
      </li>
      {host.processes.map(({ id, pid, rssBytes, plugins }) => (
        <li key={id} className="process">
          <ProcessLine name={id} pid={pid} rss={rssBytes} largest={largest} />
          {plugins.length === 0 ? (
            <p className="dim small">standby, ready to take over</p>
          ) : (
            <p className="chips">
              {plugins.map((plugin) => (
                <a key={plugin} className="chip" href={hrefOf('plugins', plugin)}>
                  {plugin}
                </a>
              ))}
            </p>
          )}
        </li>
      ))}
    </ul>
  )
}

function ProcessLine({ name, pid, rss, largest }: { name: string; pid: number; rss: number; largest: number }) {
  return (
    <>
      <div className="line">
        <b className="grow">{name}</b>
        {pid > 0 && <span className="dim small">pid {pid}</span>}
        <span className="num">{bytes(rss)}</span>
      </div>
      <Progress value={(rss / largest) * 100} size={4} aria-label={`Memory of ${name}, compared with the largest`} />
    </>
  )
}

function Coming({ picture: { tasks } }: { picture: Picture }) {
  const now = useNow()
  if (tasks === undefined) return <Empty>No scheduler is installed.</Empty>
  const next = tasks
    .filter(({ nextDue, state }) => nextDue !== undefined && state === 'active')
    .sort((a, b) => a.nextDue! - b.nextDue!)
    .slice(0, COMING)
  if (next.length === 0) return <Empty>Nothing is planned.</Empty>
  return (
    <ul className="rows">
      {next.map(({ id, name, owner, nextDue }) => (
        <li key={id} className="line">
          <a className="grow clip" href={hrefOf('tasks', id)}>
            {name}
          </a>
          <span className="dim small">{owner}</span>
          <span className="num">{relative(nextDue!, now)}</span>
        </li>
      ))}
    </ul>
  )
}

export function Panel({ title, more, children }: { title: string; more?: ReactNode; children: ReactNode }) {
  return (
    <section className="panel" aria-label={title}>
      <div className="panel-head">
        <h2>{title}</h2>
        {more}
      </div>
      {children}
    </section>
  )
}

function Loading({ link }: { link: Model['link'] }) {
  return (
    <>
      <SectionHead title={link === 'away' ? 'Pryx is out of reach' : 'One moment'} note="Trying to connect" />
      <div className="tiles" aria-hidden>
        {[0, 1, 2, 3].map((i) => (
          <Skeleton key={i} height={116} radius="lg" />
        ))}
      </div>
    </>
  )
}

function split(text: string): { value: string; unit: string } {
  const [value = text, unit = ''] = text.split(' ')
  return { value, unit }
}
