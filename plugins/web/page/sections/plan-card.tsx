// plugins/web/page/sections/plan-card.tsx: what would be installed: where it comes from, what it may do in plain words, what is risky about it.
import { Button, Checkbox, Loader } from '@mantine/core'
import type { InstallPlan, PackageTrust } from '@pryx/sdk'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { post, type Refusal } from '../calls.ts'
import { RiskMark } from '../marks.tsx'
import { act } from '../store.ts'

export type Wanted = { spec: string } | { plugin: string }

export function PlanCard({ wanted, onClose }: { wanted: Wanted; onClose(): void }) {
  const [plan, setPlan] = useState<InstallPlan>()
  const [problem, setProblem] = useState<Refusal>()
  useEffect(() => {
    let gone = false
    post<InstallPlan>('/api/packages/plan', wanted).then(
      (found) => gone || setPlan(found),
      (error: Refusal) => gone || setProblem(error),
    )
    return () => {
      gone = true
    }
  }, [])
  return (
    <section className="panel plan" aria-label="What would be installed" aria-busy={!plan && !problem}>
      {problem ? (
        <p className="notice" role="alert">
          {problem.message}. {problem.hint}
        </p>
      ) : plan ? (
        <Plan plan={plan} onClose={onClose} />
      ) : (
        <p>
          <Loader size="xs" /> Fetching and checking it. Nothing of it runs.
        </p>
      )}
      {!plan && (
        <Button size="xs" variant="default" onClick={onClose}>
          Close
        </Button>
      )}
    </section>
  )
}

function Plan({ plan, onClose }: { plan: InstallPlan; onClose(): void }) {
  const { name, version, before, description, trust, provenance, lines, warnings, wider, notes, releaseNotes } = plan
  const asked = before === undefined ? lines : lines.filter(({ permission }) => wider.includes(permission))
  const [allow, setAllow] = useState<readonly string[]>([])
  const same = before === version
  const apply = async () => {
    if (await act(`${name} was not proposed`, () => post('/api/packages/apply', { plan: plan.plan, allow }))) onClose()
  }
  return (
    <>
      <h2>
        {name} {before ? `${before} → ${version}` : version}
      </h2>
      <p>{description}</p>
      <p className="dim small">{trustWords(trust, provenance)}</p>
      {notes.map((note) => (
        <p key={note} className="small">
          <IconAlertTriangle size={14} aria-hidden /> {note}
        </p>
      ))}
      {releaseNotes !== undefined && <pre className="small dim clip-notes">{releaseNotes}</pre>}
      <h3>{headOf(before, asked.length)}</h3>
      <ul className="rows" aria-label="What it asks for">
        {asked.map(({ permission, text, risk }) => (
          <li key={permission} className="permission">
            <div className="grow">
              <p>It may {text}.</p>
              <p className="permission-facts">
                <RiskMark risk={risk} /> <code>{permission}</code>
              </p>
            </div>
            {before === undefined && (
              <Checkbox
                aria-label={`Allow: ${text}`}
                checked={allow.includes(permission)}
                onChange={(event) =>
                  setAllow(
                    event.currentTarget.checked ? [...allow, permission] : allow.filter((one) => one !== permission),
                  )
                }
              />
            )}
          </li>
        ))}
      </ul>
      {warnings.map(({ text, risk }) => (
        <p key={text} className="notice">
          <RiskMark risk={risk} /> {text}
        </p>
      ))}
      <p className="dim small">
        {before === undefined && asked.length > 0 && 'What you do not tick is asked when it is first used. '}
        You are asked once more, in a window of Pryx that no plugin can reach.
      </p>
      <div className="actions">
        <Button onClick={apply} disabled={same}>
          {same ? 'It is the newest' : before ? 'Update' : 'Install'}
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </>
  )
}

function headOf(before: string | undefined, asked: number): string {
  if (before === undefined) return asked === 0 ? 'It asks for nothing' : 'It asks for'
  return asked === 0 ? 'It asks for no more than before' : 'It now also wants, all or nothing'
}

export function trustWords(trust: PackageTrust, provenance?: string): string {
  if (trust === 'provenance') return `built from ${provenance ?? 'a known repository'}`
  if (trust === 'signed') return 'signed by its registry'
  return trust === 'local' ? 'from this machine' : 'not signed'
}
