// plugins/web/page/sections/audit.tsx: every privileged act, and the proof that the record of it is whole.
import { Alert, Button, SegmentedControl, Switch, TextInput } from '@mantine/core'
import type { AuditRecord, AuditVerdict } from '@pryx/sdk'
import { IconSearch, IconShieldCheck, IconShieldX } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { get, post } from '../calls.ts'
import { clockTime, count, fullTime, oneLine } from '../format.ts'
import { Empty, Mark, SectionHead } from '../marks.tsx'
import { act } from '../store.ts'

const EVERY_MS = 3_000
const ASKED = 1_000
const SHOWN = 300
const TONES = { allowed: 'good', denied: 'bad', failed: 'wait', cancelled: 'calm' } as const
type Show = 'all' | 'denied' | 'failed'

export function Audit() {
  const records = useTail()
  const [words, setWords] = useState('')
  const [show, setShow] = useState<Show>('all')
  const [looks, setLooks] = useState(false)
  const listed = records
    ?.filter((record) => (looks || !isLook(record)) && matches(record, words, show))
    .slice(-SHOWN)
    .toReversed()
  return (
    <>
      <SectionHead title="Audit" note="Every privileged act, in a chain that shows tampering">
        <Verify />
      </SectionHead>
      <div className="filters spaced">
        <TextInput
          aria-label="Filter the log"
          placeholder="Filter by plugin, act or permission"
          leftSection={<IconSearch size={16} />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
        <SegmentedControl
          aria-label="Which outcomes"
          value={show}
          onChange={(value) => setShow(value as Show)}
          data={[
            { value: 'all', label: 'All' },
            { value: 'denied', label: 'Denied' },
            { value: 'failed', label: 'Failed' },
          ]}
        />
        <Switch
          className="aside"
          label="Looks of this page"
          checked={looks}
          onChange={(event) => setLooks(event.currentTarget.checked)}
        />
      </div>
      <div className="panel flush">
        <div className="audit-row table-head" aria-hidden>
          <span>Time</span>
          <span>Plugin</span>
          <span>Act</span>
          <span>Permission</span>
          <span>Outcome</span>
          <span>Took</span>
        </div>
        <ol className="bare" aria-label="Audit log">
          {listed?.map((record) => (
            <Row key={record.seq} record={record} />
          ))}
        </ol>
        {!listed?.length && <Empty>{records === undefined ? 'Loading' : 'Nothing recorded that fits.'}</Empty>}
      </div>
    </>
  )
}

function Row({ record }: { record: AuditRecord }) {
  const { seq, at, plugin, act, access, outcome, ms, detail } = record
  return (
    <li className="audit-row">
      <span className="dim" title={`${fullTime(at)}, entry ${seq}`}>
        {clockTime(at)}
      </span>
      <b className="clip">{plugin}</b>
      <span className="mono clip">{act}</span>
      <span className="mono dim clip audit-access" title={detail === undefined ? undefined : oneLine(detail)}>
        {access.join(', ') || oneLine(detail)}
      </span>
      <Mark tone={TONES[outcome]}>{outcome}</Mark>
      <span className="dim num">{ms === undefined ? '' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`}</span>
    </li>
  )
}

function Verify() {
  const [verdict, setVerdict] = useState<AuditVerdict>()
  const [busy, setBusy] = useState(false)
  const verify = async () => {
    setBusy(true)
    await act('The log could not be read', async () => setVerdict(await post<AuditVerdict>('/api/audit/verify')))
    setBusy(false)
  }
  return (
    <div className="verify">
      <div role="status">{verdict !== undefined && <Verdict verdict={verdict} />}</div>
      <Button leftSection={<IconShieldCheck size={18} />} loading={busy} onClick={verify}>
        Verify the log
      </Button>
    </div>
  )
}

function Verdict({ verdict }: { verdict: AuditVerdict }) {
  return verdict.whole ? (
    <Alert color="lagoon" p="xs" icon={<IconShieldCheck size={18} />}>
      Whole: {count(verdict.entries)} entries
    </Alert>
  ) : (
    <Alert color="red" p="xs" icon={<IconShieldX size={18} />}>
      Not whole: {verdict.reason} ({verdict.file}, line {verdict.line})
    </Alert>
  )
}

function useTail(): AuditRecord[] | undefined {
  const [records, setRecords] = useState<AuditRecord[]>()
  useEffect(() => {
    let ended = false
    // A round that fails leaves what is shown; the connection mark already says that Pryx is away.
    const load = () =>
      get<{ records: AuditRecord[] }>(`/api/audit?n=${ASKED}`)
        .then((answer) => !ended && setRecords(answer.records))
        .catch(() => {})
    void load()
    const timer = setInterval(load, EVERY_MS)
    return () => {
      ended = true
      clearInterval(timer)
    }
  }, [])
  return records
}

/** What this page and its like do all the time: they would hide everything else. */
function isLook({ access, outcome }: AuditRecord): boolean {
  return outcome === 'allowed' && access.length === 1 && access[0] === 'kernel:read'
}

function matches({ plugin, act, access, outcome }: AuditRecord, words: string, show: Show): boolean {
  if (show !== 'all' && outcome !== show) return false
  return `${plugin} ${act} ${access.join(' ')}`.toLowerCase().includes(words.trim().toLowerCase())
}
