// plugins/web/page/approvals.tsx: questions of plugins to the user, on whatever section they are.
//   Focus is not moved to a new question: a key pressed for something else must never be an answer.
import { ActionIcon, Button, Tooltip } from '@mantine/core'
import type { PendingApproval } from '@pryx/sdk'
import { IconChevronDown, IconHandStop } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { get } from './calls.ts'
import { useAsked } from './chat/asked.ts'
import { plural, span } from './format.ts'
import { RiskMark } from './marks.tsx'
import { answer, useModel, useNow } from './store.ts'

const OWN = 'plugins:manage:' // questions of this page's own

/** Floats above every section; the oldest question first. @param inPlace What belongs to the open conversation is asked there. */
export function FloatingApprovals({ inPlace }: { inPlace: boolean }) {
  const all = useModel((model) => model.approvals)
  const asked = useAsked()
  const approvals = inPlace ? all.filter((one) => !asked.includes(one)) : all
  const [folded, setFolded] = useState<string>()
  const first = approvals[0]
  if (first === undefined) return null
  const newest = approvals.at(-1)!.id
  if (folded === newest) {
    return (
      <Button
        className="approval-pill"
        radius="xl"
        leftSection={<IconHandStop size={18} />}
        onClick={() => setFolded('')}
      >
        {plural(approvals.length, 'question')} waiting
      </Button>
    )
  }
  return (
    <section className="floating" role="alertdialog" aria-live="assertive" aria-labelledby={`ask-${first.id}`}>
      <div className="floating-head">
        <span className="eyebrow">
          {approvals.length === 1 ? 'Waiting for your answer' : `1 of ${approvals.length} questions`}
        </span>
        <Tooltip label="Answer later">
          <ActionIcon variant="subtle" color="gray" aria-label="Answer later" onClick={() => setFolded(newest)}>
            <IconChevronDown size={18} />
          </ActionIcon>
        </Tooltip>
      </div>
      <Question key={first.id} approval={first} />
    </section>
  )
}

/** All that wait, in the flow of the overview. */
export function ApprovalList() {
  const approvals = useModel((model) => model.approvals)
  if (approvals.length === 0) return null
  return (
    <section className="panel asking" role="alertdialog" aria-live="assertive" aria-label="Waiting for your answer">
      {approvals.map((approval) => (
        <Question key={approval.id} approval={approval} />
      ))}
    </section>
  )
}

/** One question and its answers. */
export function Question({ approval }: { approval: PendingApproval }) {
  const { id, plugin, permission, sentence, risk, expiresAt } = approval
  const [busy, setBusy] = useState(false)
  const choose: Choose = async (choice) => {
    setBusy(true)
    await answer(id, choice)
    setBusy(false)
  }
  return (
    <article className="question" data-risk={risk}>
      <div className="question-text">
        <h3 id={`ask-${id}`}>
          <b>{plugin}</b> wants to {sentence}
        </h3>
        <p className="question-facts">
          <RiskMark risk={risk} />
          <code>{permission}</code>
          <TimeLeft until={expiresAt} />
        </p>
      </div>
      <div className="question-answers">
        {permission.startsWith(OWN) ? <WindowLink id={id} /> : <Allow busy={busy} choose={choose} />}
        <Button
          size="sm"
          variant="light"
          color="red"
          disabled={busy}
          onClick={() => choose({ answer: 'deny', duration: 'once' })}
        >
          Deny
        </Button>
      </div>
    </article>
  )
}

type Choose = (choice: Parameters<typeof answer>[1]) => Promise<void>

function Allow({ busy, choose }: { busy: boolean; choose: Choose }) {
  return (
    <>
      <Button size="sm" disabled={busy} onClick={() => choose({ answer: 'allow', duration: 'once' })}>
        Allow once
      </Button>
      <Button
        size="sm"
        variant="default"
        disabled={busy}
        onClick={() => choose({ answer: 'allow', duration: 'session' })}
      >
        This session
      </Button>
      <Button
        size="sm"
        variant="default"
        disabled={busy}
        onClick={() => choose({ answer: 'allow', duration: 'forever' })}
      >
        Always
      </Button>
    </>
  )
}

/** This page asked, so it may not say yes: the user does, in a window of the host. */
function WindowLink({ id }: { id: string }) {
  const [base, setBase] = useState<string>()
  useEffect(() => {
    get<{ window: string }>('/api/packages').then(
      ({ window }) => setBase(window),
      () => {},
    )
  }, [])
  if (base === undefined) return <span className="dim small">Answer in the terminal where Pryx runs.</span>
  return (
    <Button size="sm" component="a" href={base + encodeURIComponent(id)} target="_blank" rel="noopener noreferrer">
      Answer in Pryx’s window
    </Button>
  )
}

function TimeLeft({ until }: { until: number }) {
  const left = until - useNow()
  return <span aria-live="off">{left > 0 ? `no answer in ${span(left)} means no` : 'time is up'}</span>
}
