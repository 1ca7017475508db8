// plugins/web/page/alerts.tsx: alerts as they are raised, and the list of the latest.
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react'
import { useEffect, useRef } from 'react'
import { ago, fullTime } from './format.ts'
import { Empty } from './marks.tsx'
import type { Alert } from './model.ts'
import { useModel, useNow } from './store.ts'

const FRESH_MS = 15_000 // what is older was seen before, or is in the list
const COLORS = { info: 'lagoon', warning: 'yellow', critical: 'red' } as const

/** Shows each new alert once. */
export function useAlertToasts(): void {
  const newest = useModel((model) => model.alerts[0])
  const shown = useRef(-1)
  useEffect(() => {
    if (newest === undefined || newest.seq === shown.current || Date.now() - newest.at > FRESH_MS) return
    shown.current = newest.seq
    notifications.show({
      id: `alert-${newest.seq}`,
      color: COLORS[newest.level],
      icon: <AlertIcon level={newest.level} />,
      title: newest.title,
      message: newest.text || newest.from,
    })
  }, [newest])
}

export function AlertList({ max }: { max: number }) {
  const alerts = useModel((model) => model.alerts)
  const now = useNow(5_000)
  if (alerts.length === 0) return <Empty>No alerts. It is quiet.</Empty>
  return (
    <ul className="rows">
      {alerts.slice(0, max).map((alert) => (
        <li key={alert.seq} className="alert" data-level={alert.level}>
          <AlertIcon level={alert.level} />
          <div className="grow">
            <b>{alert.title}</b>
            {alert.text !== '' && <p className="dim clip2">{alert.text}</p>}
            <p className="dim small">{alert.from}</p>
          </div>
          <time className="dim small" dateTime={new Date(alert.at).toISOString()} title={fullTime(alert.at)}>
            {ago(alert.at, now)}
          </time>
        </li>
      ))}
    </ul>
  )
}

function AlertIcon({ level }: { level: Alert['level'] }) {
  return level === 'info' ? (
    <IconInfoCircle size={20} stroke={1.7} aria-label="Notice" />
  ) : (
    <IconAlertTriangle size={20} stroke={1.7} aria-label={level === 'critical' ? 'Critical' : 'Warning'} />
  )
}
