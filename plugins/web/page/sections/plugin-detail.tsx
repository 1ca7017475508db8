// plugins/web/page/sections/plugin-detail.tsx: one plugin: what it may do, what it uses, what it says.
import { ActionIcon, Button, Menu, Modal, Switch, Tabs } from '@mantine/core'
import type { PermissionStatus, PluginStatus } from '@pryx/sdk'
import { IconCheck, IconDots, IconRefresh } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { post, Refusal } from '../calls.ts'
import { bytes, clockTime, count, fullTime, span } from '../format.ts'
import { Empty, RiskMark } from '../marks.tsx'
import { fieldsOf } from '../model.ts'
import { act, setPermission, useModel } from '../store.ts'

const THIS_PAGE = '@pryx/plugin-web'
/** Without these the page can show nothing, or change nothing any more, its own permissions included. */
const PAGE_NEEDS: ReadonlySet<string> = new Set(['http:serve', 'kernel:read', 'kernel:control'])
const MAX_LINES = 200
const RISK_ORDER = { high: 0, medium: 1, low: 2 }

export function PluginDetail({ plugin }: { plugin: PluginStatus }) {
  return (
    <div className="detail">
      <p>{plugin.description}</p>
      <p className="dim small">
        {plugin.name} {plugin.version}
      </p>
      {plugin.reason !== undefined && <p className="notice">{plugin.reason}</p>}
      <Actions plugin={plugin} />
      <Tabs defaultValue="permissions" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="permissions">Permissions</Tabs.Tab>
          <Tabs.Tab value="use">Use and limits</Tabs.Tab>
          <Tabs.Tab value="log">Log</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="permissions">
          <Permissions plugin={plugin} />
        </Tabs.Panel>
        <Tabs.Panel value="use">
          <Use plugin={plugin} />
        </Tabs.Panel>
        <Tabs.Panel value="log">
          <Log plugin={plugin.id} />
        </Tabs.Panel>
      </Tabs>
    </div>
  )
}

function Actions({ plugin }: { plugin: PluginStatus }) {
  const [busy, setBusy] = useState(false)
  const path = `/api/plugins/${encodeURIComponent(plugin.id)}`
  const enabled = plugin.stage !== 'disabled'
  const own = plugin.name === THIS_PAGE
  // The answer is lost with the instance that would have given it; the page reconnects to the next one.
  const unlessOwn = (error: unknown) => {
    if (!own || !(error instanceof Refusal) || error.code !== 'WEB_AWAY') throw error
  }
  const run = async (what: string, work: () => Promise<unknown>) => {
    setBusy(true)
    await act(what, work)
    setBusy(false)
  }
  return (
    <div className="actions">
      <Switch
        label={enabled ? 'Enabled' : 'Disabled'}
        checked={enabled}
        disabled={busy || own}
        description={own ? 'This page comes from it; it is switched off in a terminal.' : undefined}
        onChange={() => run(`${plugin.id} was not changed`, () => post(`${path}/enabled`, { enabled: !enabled }))}
      />
      <Button
        size="xs"
        variant="default"
        leftSection={<IconRefresh size={16} />}
        disabled={busy || !enabled}
        onClick={() => run(`${plugin.id} was not reloaded`, () => post(`${path}/reload`).catch(unlessOwn))}
      >
        Reload
      </Button>
    </div>
  )
}

function Permissions({ plugin }: { plugin: PluginStatus }) {
  if (plugin.permissions.length === 0) return <Empty>It asks for nothing, and can reach nothing.</Empty>
  const sorted = [...plugin.permissions].sort((a, b) => RISK_ORDER[a.risk] - RISK_ORDER[b.risk])
  return (
    <ul className="rows" aria-label="Permissions">
      {sorted.map((status) => (
        <Permission
          key={status.permission}
          plugin={plugin.id}
          status={status}
          ownNeed={plugin.name === THIS_PAGE && PAGE_NEEDS.has(status.permission)}
        />
      ))}
    </ul>
  )
}

interface PermissionProps {
  plugin: string
  status: PermissionStatus
  /** This page would lock itself out without it. */
  ownNeed: boolean
}

function Permission({ plugin, status, ownNeed }: PermissionProps) {
  const { permission, text, risk, mode } = status
  const [wanted, setWanted] = useState<PermissionStatus['mode']>()
  const change = (mode: PermissionStatus['mode'], duration: 'session' | 'forever' = 'forever') =>
    void setPermission(plugin, permission, { mode, duration, before: status.mode })
  const set: typeof change = (mode, duration) => {
    if (ownNeed && mode !== 'allow') setWanted(mode)
    else change(mode, duration)
  }
  return (
    <li className="permission" data-mode={mode}>
      <div className="grow">
        <p>It may {text}.</p>
        <p className="permission-facts">
          <RiskMark risk={risk} />
          <code>{permission}</code>
          <span className="dim small">{standing(status)}</span>
        </p>
      </div>
      <Switch
        aria-label={`Allow: ${text}`}
        checked={mode === 'allow'}
        onChange={() => set(mode === 'allow' ? 'deny' : 'allow')}
      />
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`More choices: ${text}`}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Choice
            on={mode === 'allow' && status.duration !== 'session'}
            text="Always allow"
            pick={() => set('allow')}
          />
          <Choice
            on={mode === 'allow' && status.duration === 'session'}
            text="Allow until Pryx restarts"
            pick={() => set('allow', 'session')}
          />
          <Choice on={mode === 'ask'} text="Ask me each time" pick={() => set('ask')} />
          <Choice on={mode === 'deny'} text="Deny" pick={() => set('deny')} />
        </Menu.Dropdown>
      </Menu>
      {wanted && (
        <LockOut
          command={`pryx permissions grant ${plugin} ${permission}`}
          onClose={() => setWanted(undefined)}
          onSure={() => change(wanted)}
        />
      )}
    </li>
  )
}

function LockOut({ command, onClose, onSure }: { command: string; onClose(): void; onSure(): void }) {
  const sure = () => {
    onClose()
    onSure()
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title="This page needs that permission"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <p>Without it this page cannot help you any more. Only the terminal can give it back:</p>
      <p>
        <code>{command}</code>
      </p>
      <Button mt="md" color="red" onClick={sure}>
        Take it away
      </Button>
    </Modal>
  )
}

function Choice({ on, text, pick }: { on: boolean; text: string; pick: () => void }) {
  return (
    <Menu.Item onClick={pick} rightSection={on ? <IconCheck size={16} aria-label="now" /> : null}>
      {text}
    </Menu.Item>
  )
}

function standing({ mode, duration, expiresAt }: PermissionStatus): string {
  if (mode === 'ask') return 'asks you first'
  if (mode === 'deny') return 'denied'
  if (expiresAt !== undefined) return `allowed until ${fullTime(expiresAt)}`
  return duration === 'session' ? 'allowed until Pryx restarts' : 'allowed'
}

function Use({ plugin: { usage, queue, limits, process, failures, tools, services } }: { plugin: PluginStatus }) {
  return (
    <>
      <dl className="facts">
        <Fact name="Processor time">{span(usage.cpuMs)}</Fact>
        <Fact name="Memory">
          {bytes(usage.heapBytes)} of {limits.memoryMb} MB
        </Fact>
        <Fact name="Calls made">{count(usage.calls)}</Fact>
        <Fact name="Events published">{count(usage.events)}</Fact>
        <Fact name="In, out">
          {bytes(usage.bytesIn)}, {bytes(usage.bytesOut)}
        </Fact>
        <Fact name="Queue">
          {count(queue.queued)} of {count(limits.queue)}, {count(queue.inFlight)} in progress
        </Fact>
        <Fact name="Left out when full">{count(queue.dropped)}</Fact>
        <Fact name="Failures in a row">{failures}</Fact>
        <Fact name="Process">{process || 'none'}</Fact>
        <Fact name="One turn, at most">{span(limits.turnMs)}</Fact>
        <Fact name="One call, at most">{span(limits.callMs)}</Fact>
        <Fact name="One message, at most">{bytes(limits.messageBytes)}</Fact>
      </dl>
      <Names title="Services" names={services} />
      <Names title="Tools" names={tools} />
    </>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Names({ title, names }: { title: string; names: readonly string[] }) {
  if (names.length === 0) return null
  return (
    <>
      <h3 className="eyebrow">{title}</h3>
      <p className="chips">
        {names.map((name) => (
          <code key={name} className="chip">
            {name}
          </code>
        ))}
      </p>
    </>
  )
}

function Log({ plugin }: { plugin: string }) {
  const events = useModel((model) => model.events)
  const lines = events
    .filter(({ name, data }) => LOGGED.has(name) && fieldsOf(data).plugin === plugin)
    .slice(-MAX_LINES)
  if (lines.length === 0) return <Empty>It has said nothing lately.</Empty>
  return (
    <ol className="log" aria-label="Log">
      {lines.toReversed().map(({ seq, at, name, data }) => {
        const { level = name === 'plugin.failed' ? 'error' : 'info', text, message, place } = fieldsOf(data)
        return (
          <li key={seq} data-level={String(level)}>
            <time className="dim">{clockTime(at)}</time> <span>{String(text ?? message ?? '')}</span>
            {typeof place === 'string' && <code className="dim small"> {place}</code>}
          </li>
        )
      })}
    </ol>
  )
}

const LOGGED = new Set(['plugin.log', 'plugin.failed'])
