// plugins/web/page/sections/channels.tsx: the ways in and out: are they connected, when was last something said, what went wrong, what to do.
import { Button } from '@mantine/core'
import { useState } from 'react'
import type { ChannelView, LinkCode } from '../../src/channels.ts'
import { get, post } from '../calls.ts'
import { Copy } from '../chat/markdown.tsx'
import { useWindow, Window } from '../chat/setup.tsx'
import { ago, plural, relative, span } from '../format.ts'
import { Empty } from '../marks.tsx'
import { usePoll } from '../poll.ts'
import { act, useNow } from '../store.ts'

const LOOK_MS = 4_000
const NAMES: Record<string, string> = { telegram: 'Telegram', webhook: 'Webhooks' }
const WORDS: Record<ChannelView['state'], string> = {
  unconfigured: 'not set up',
  connecting: 'connecting',
  online: 'connected',
  waiting: 'trying again',
  refused: 'refused',
  failed: 'does not answer',
}

export function Channels() {
  const [channels, setChannels] = useState<ChannelView[]>()
  usePoll('channels', LOOK_MS, async () => {
    const { channels } = await get<{ channels: ChannelView[] }>('/api/channels')
    return () => setChannels(channels)
  })
  if (channels === undefined) return <Empty>Asking them.</Empty>
  if (channels.length === 0) return <Empty>No channel is installed.</Empty>
  return (
    <ul className="rows">
      {channels.map((one) => (
        <Line key={one.channel} one={one} />
      ))}
    </ul>
  )
}

function Line({ one: { channel, state, text, peers, lastMessageAt, lastError, retryAt } }: { one: ChannelView }) {
  const now = useNow()
  const telegram = channel === 'telegram'
  const linked = telegram ? plural(peers, 'chat') : plural(peers, 'endpoint')
  return (
    <li className="channel">
      <div className="line">
        <i className="channel-dot" data-state={state} aria-hidden />
        <b className="grow">{NAMES[channel] ?? channel}</b>
        <span className="dim small">{state === 'online' ? `${WORDS[state]}, ${linked}` : WORDS[state]}</span>
      </div>
      {(state !== 'online' || peers === 0) && <p className="small">{text}</p>}
      {retryAt !== undefined && state === 'waiting' && <p className="dim small">Next try {relative(retryAt, now)}</p>}
      {lastMessageAt !== undefined && <p className="dim small">Last message {ago(lastMessageAt, now)}</p>}
      {lastError !== undefined && lastError.text !== text && (
        <p className="dim small">
          Last trouble {ago(lastError.at, now)}: {lastError.text}
        </p>
      )}
      {telegram && state === 'online' && <LinkChat />}
      {telegram && (state === 'unconfigured' || state === 'refused') && <Token />}
    </li>
  )
}

function Token() {
  const window = useWindow()
  return (
    <Window href={window && `${window}setup/telegram`} instead="pryx secrets set telegram.token">
      Type the token in Pryx’s window
    </Window>
  )
}

function LinkChat() {
  const now = useNow()
  const [given, setGiven] = useState<LinkCode>()
  const ask = () =>
    act('There is no code', async () => {
      setGiven(await post<LinkCode>('/api/channels/telegram/link'))
    })
  if (given === undefined || given.expiresAt <= now)
    return (
      <Button size="xs" variant="light" onClick={() => void ask()}>
        Link a chat
      </Button>
    )
  return (
    <p className="small">
      Send this to your bot within {span(given.expiresAt - now)}:{' '}
      <span className="command">
        <code>{given.code}</code>
        <Copy text={() => given.code} what="code" />
      </span>{' '}
      {given.url !== undefined && (
        <a href={given.url} target="_blank" rel="noopener noreferrer">
          or open it in Telegram
        </a>
      )}
    </p>
  )
}
