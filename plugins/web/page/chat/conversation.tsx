// plugins/web/page/chat/conversation.tsx: the log of the session that is open, as it grows.
//   G1  The end stays in view while the user is there; who has scrolled away is left where he is.
import { Button, Loader } from '@mantine/core'
import type { PendingApproval } from '@pryx/sdk'
import { IconArrowDown } from '@tabler/icons-react'
import { Fragment, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Question } from '../approvals.tsx'
import { useNow } from '../store.ts'
import { asksFor, useAsked } from './asked.ts'
import { loadEarlier, useChat } from './chat-store.ts'
import { type Item, openTools } from './log.ts'
import { GrowingMarkdown } from './markdown.tsx'
import { End, Message, Outgoing, Summary, Tool } from './message.tsx'
import { surfaceName } from './surfaces.ts'

const NEAR = 80 // px from the end

export function Talk({ branch, empty }: { branch(version: number): void; empty: ReactNode }) {
  const talk = useChat((chat) => chat.talk)
  const session = useChat((chat) => chat.session)
  const loaded = useChat((chat) => chat.facts !== undefined)
  const outbox = useChat((chat) => chat.outbox)
  const asked = useAsked()
  const tools = openTools(talk)
  const unplaced = asked.filter((one) => !tools.some(({ name }) => asksFor(one, name)))
  const { box, away, toEnd } = useEndInView(session)
  const outgoing = outbox.filter((one) => one.session === session && !one.seen)
  const nothing = loaded && talk.items.length === 0 && outgoing.length === 0 && talk.first === 0
  return (
    <div className="talk-frame">
      <div
        className="talk"
        ref={box}
        role="log"
        aria-label="Conversation"
        aria-busy={talk.run !== undefined}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
        tabIndex={0}
      >
        <div className="talk-inner">
          {talk.first > 0 && (
            <Button variant="subtle" color="gray" size="xs" className="earlier" onClick={loadEarlier}>
              Show earlier messages
            </Button>
          )}
          {nothing && empty}
          {talk.items.map((item) => (
            <Fragment key={`${item.kind}-${item.version}`}>
              <One item={item} asked={asked} running={talk.run !== undefined} branch={branch} />
            </Fragment>
          ))}
          {unplaced.map((one) => (
            <InPlace key={one.id} asked={one} />
          ))}
          {outgoing.map((waiting) => (
            <Outgoing key={waiting.client} waiting={waiting} />
          ))}
          <Making running={talk.run !== undefined} queued={outgoing.some(({ state }) => state === 'sent')} />
          <Others />
        </div>
      </div>
      {away && (
        <Button
          className="to-end"
          size="xs"
          radius="xl"
          variant="default"
          leftSection={<IconArrowDown size={15} />}
          onClick={toEnd}
        >
          To the newest
        </Button>
      )}
    </div>
  )
}

interface OneProps {
  item: Item
  asked: readonly PendingApproval[]
  running: boolean
  branch(version: number): void
}

function One({ item, asked, running, branch }: OneProps) {
  if (item.kind === 'said') return <Message said={item} branch={branch} />
  if (item.kind === 'ended') return <End ended={item} />
  if (item.kind === 'summed') return <Summary summed={item} />
  const questions = item.done === undefined ? asked.filter((one) => asksFor(one, item.name)) : []
  return (
    <>
      <Tool use={item} asked={questions.length > 0} over={!running} />
      {questions.map((one) => (
        <InPlace key={one.id} asked={one} />
      ))}
    </>
  )
}

function InPlace({ asked }: { asked: PendingApproval }) {
  return (
    <section
      className="panel asking inline"
      role="alertdialog"
      aria-live="assertive"
      aria-label="Waiting for your answer"
    >
      <Question approval={asked} />
    </section>
  )
}

/** The answer as it comes. Only this is drawn for each piece of it. */
function Making({ running, queued }: { running: boolean; queued: boolean }) {
  const making = useChat((chat) => chat.making)
  const working = useChat((chat) => chat.talk.items.some((item) => item.kind === 'tool' && item.done === undefined))
  if (making !== undefined && making.text !== '')
    return (
      <article className="said" data-role="assistant" data-making aria-label="Pryx, answering" aria-live="off">
        <div className="said-text">
          <GrowingMarkdown text={making.text} />
        </div>
      </article>
    )
  if (!running && !queued) return null
  if (working) return null
  return (
    <p className="thinking" role="status">
      <Loader type="dots" size="xs" aria-hidden /> {running ? 'Thinking' : 'Waiting for its turn'}
    </p>
  )
}

function Others() {
  const typing = useChat((chat) => chat.typing)
  const now = useNow(2_000)
  const names = Object.entries(typing).flatMap(([surface, until]) => (until > now ? [surfaceName(surface)] : []))
  if (names.length === 0) return null
  return <p className="thinking">Somebody is writing on {names.join(' and ')}</p>
}

/** G1 */
function useEndInView(session: string | undefined) {
  const box = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  const [away, setAway] = useState(false)
  const toEnd = () => {
    follows.current = true
    setAway(false)
    if (box.current) box.current.scrollTop = box.current.scrollHeight
  }
  useLayoutEffect(toEnd, [session])
  useEffect(() => {
    const scroller = box.current
    const content = scroller?.firstElementChild
    if (!scroller || !content) return
    const look = () => {
      const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR
      follows.current = near
      setAway(!near)
    }
    const grown = new ResizeObserver(() => {
      if (follows.current) scroller.scrollTop = scroller.scrollHeight
    })
    grown.observe(content)
    grown.observe(scroller)
    scroller.addEventListener('scroll', look, { passive: true })
    return () => {
      grown.disconnect()
      scroller.removeEventListener('scroll', look)
    }
  }, [])
  return { box, away, toEnd }
}
