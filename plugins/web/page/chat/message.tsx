// plugins/web/page/chat/message.tsx: one thing in a conversation: words, a tool at work, an end that was none.
import { Button, Loader } from '@mantine/core'
import {
  IconAlertCircle,
  IconBan,
  IconCheck,
  IconChevronRight,
  IconHandStop,
  IconHelpCircle,
} from '@tabler/icons-react'
import { memo } from 'react'
import { fullTime, plural, took } from '../format.ts'
import { sayAgain, takeBack } from './chat-store.ts'
import type { Ended, Said, Summed, ToolUse } from './log.ts'
import { Copy, Markdown } from './markdown.tsx'
import { usd } from './money.ts'
import type { Waiting } from './outbox.ts'
import { surfaceName } from './surfaces.ts'

export const Message = memo(function Message({ said, branch }: { said: Said; branch(version: number): void }) {
  const { role, text, surface, origin, at, model, usd: cost, version } = said
  const mine = role === 'user'
  const elsewhere = mine && surface !== 'web'
  return (
    <article className="said" data-role={role} aria-label={mine ? `You, ${surfaceName(surface)}` : 'Pryx'}>
      {(elsewhere || origin !== undefined) && (
        <span className="said-from">{[elsewhere && surfaceName(surface), origin].filter(Boolean).join(' · ')}</span>
      )}
      <div className="said-text">{mine ? <p className="plain">{text}</p> : <Markdown text={text} />}</div>
      <footer className="said-foot">
        <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
          {new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}
        </time>
        {model !== undefined && <span className="clip">{model}</span>}
        {cost !== undefined && !mine && <span className="num">{cost === null ? 'price unknown' : usd(cost)}</span>}
        <Copy text={() => text} what="message" />
        <button type="button" className="foot-button" onClick={() => branch(version)}>
          Branch here
        </button>
      </footer>
    </article>
  )
})

/** Words on their way. */
export function Outgoing({ waiting }: { waiting: Waiting }) {
  const { text, state, error, client } = waiting
  const word = { sending: 'Sending', away: 'Waits for the connection', sent: 'Sent', refused: 'Not sent' }[state]
  return (
    <article className="said" data-role="user" data-state={state} aria-label={`You: ${word}`}>
      <div className="said-text">
        <p className="plain">{text}</p>
      </div>
      <footer className="said-foot shown" role="status">
        {word}
        {error !== undefined && state === 'refused' && <span className="bad">{error}</span>}
        {state === 'refused' && (
          <>
            <Button size="compact-xs" variant="light" onClick={() => sayAgain(client)}>
              Send again
            </Button>
            <Button size="compact-xs" variant="subtle" color="gray" onClick={() => takeBack(client)}>
              Discard
            </Button>
          </>
        )}
      </footer>
    </article>
  )
}

const OUTCOMES = {
  ok: { word: 'done', icon: IconCheck, tone: 'good' },
  failed: { word: 'failed', icon: IconAlertCircle, tone: 'bad' },
  refused: { word: 'refused', icon: IconHandStop, tone: 'wait' },
  interrupted: { word: 'interrupted: whether it took effect is not known', icon: IconHelpCircle, tone: 'wait' },
} as const

/** @param over The run has ended, though the log has no outcome of this call. */
export const Tool = memo(function Tool({ use, asked, over }: { use: ToolUse; asked: boolean; over: boolean }) {
  const { name, input, done, at } = use
  const { word, icon: Icon, tone } = OUTCOMES[done?.outcome ?? 'interrupted'] ?? OUTCOMES.interrupted
  const working = done === undefined && !over
  return (
    <details className="tool" data-tone={working ? 'accent' : tone}>
      <summary>
        <IconChevronRight className="tool-arrow" size={15} aria-hidden />
        {working ? <Loader size={13} aria-hidden /> : <Icon size={15} className="tool-mark" aria-hidden />}
        <code>{name}</code>
        <span className="tool-brief clip">{briefly(input)}</span>
        <span className="tool-word">
          {working ? (asked ? 'waits for your answer' : 'working') : word}
          {done !== undefined && done.outcome !== 'interrupted' && <span className="num"> {took(done.at - at)}</span>}
        </span>
      </summary>
      <div className="tool-body">
        {input !== undefined && <Part title="Arguments" value={input} />}
        {done !== undefined && <Part title={done.outcome === 'ok' ? 'Result' : 'Why'} value={done.output} />}
      </div>
    </details>
  )
})

const MAX_SHOWN = 20_000 // characters

function Part({ title, value }: { title: string; value: unknown }) {
  const whole = typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '')
  return (
    <figure className="code">
      <figcaption>
        <span>{title}</span>
        <Copy text={() => whole} what={title.toLowerCase()} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <pre tabIndex={0}>
        {whole.slice(0, MAX_SHOWN)}
        {whole.length > MAX_SHOWN && '\n…'}
      </pre>
    </figure>
  )
}

function briefly(input: unknown): string {
  if (typeof input !== 'object' || input === null) return ''
  const parts = Object.entries(input).map(
    ([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return parts.join(', ').slice(0, 160)
}

const ENDS: Record<Ended['status'], string> = {
  ok: '',
  error: 'This could not be answered',
  timeout: 'This took too long and was stopped',
  cancelled: 'Stopped',
  superseded: 'Another message took its place',
}

export const End = memo(function End({ ended }: { ended: Ended }) {
  const { status, error, code } = ended
  const calm = status === 'cancelled' || status === 'superseded'
  return (
    <p className="ended" data-calm={calm || undefined}>
      {calm ? <IconBan size={15} aria-hidden /> : <IconAlertCircle size={16} aria-hidden />}
      <span>
        {ENDS[status]}
        {!calm && error !== undefined && `: ${error}`} {!calm && code !== undefined && <code>{code}</code>}
      </span>
    </p>
  )
})

export const Summary = memo(function Summary({ summed }: { summed: Summed }) {
  return (
    <details className="tool summed">
      <summary>
        <IconChevronRight className="tool-arrow" size={15} aria-hidden />
        <span className="tool-brief">
          The model now reads a summary of the {plural(summed.messages, 'message')} above, to make room
        </span>
      </summary>
      <div className="tool-body">
        <Markdown text={summed.text} />
      </div>
    </details>
  )
})
