// plugins/web/page/chat/composer.tsx: where the user writes. What was not sent is kept, for each session, through reloads.
import { ActionIcon, Textarea, Tooltip } from '@mantine/core'
import { IconArrowUp, IconPlayerStopFilled } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { useModel } from '../store.ts'
import { draftOf, keepDraft, say, stopRun, tellTyping, useChat } from './chat-store.ts'

const MAX_TEXT = 131_072

export function Composer({ session, model }: { session: string; model: string | undefined }) {
  const [text, setText] = useState(() => draftOf(session))
  const busy = useChat(
    (chat) => chat.talk.run !== undefined || chat.outbox.some((one) => one.session === session && one.state === 'sent'),
  )
  const away = useModel(({ link }) => link === 'away')
  const lastSaid = useChat((chat) =>
    chat.talk.items.findLast((item) => item.kind === 'said' && item.role === 'user' && item.surface === 'web'),
  )
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    field.current?.setSelectionRange(MAX_TEXT, MAX_TEXT) // a kept draft goes on at its end
    if (matchMedia('(hover: hover)').matches) field.current?.focus({ preventScroll: true }) // on a phone the keyboard would cover the log
  }, [])

  const change = (next: string) => {
    setText(next)
    keepDraft(session, next)
    tellTyping(next !== '')
  }
  const send = () => {
    if (text.trim() === '' || text.length > MAX_TEXT) return
    say(text, model)
    change('')
    field.current?.focus()
  }
  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return // an input method's Enter ends a word, not a message
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      send()
    } else if (event.key === 'ArrowUp' && text === '' && lastSaid?.kind === 'said') {
      event.preventDefault()
      change(lastSaid.text)
    }
  }
  return (
    <form
      className="composer"
      aria-label="Write a message"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {away && (
        <p className="composer-note" role="status">
          Reconnecting. What you send waits here until Pryx answers.
        </p>
      )}
      <Textarea
        ref={field}
        aria-label="Message"
        placeholder="Ask Pryx anything"
        autosize
        minRows={1}
        maxRows={10}
        value={text}
        error={text.length > MAX_TEXT ? 'That is longer than one message may be.' : undefined}
        onChange={(event) => change(event.currentTarget.value)}
        onKeyDown={onKey}
      />
      <div className="composer-buttons">
        {busy && (
          <Tooltip label="Stop (Esc)">
            <ActionIcon size={36} radius="xl" variant="light" color="red" aria-label="Stop" onClick={stopRun}>
              <IconPlayerStopFilled size={16} />
            </ActionIcon>
          </Tooltip>
        )}
        <Tooltip label="Send (Enter)">
          <ActionIcon type="submit" size={36} radius="xl" aria-label="Send" disabled={text.trim() === ''}>
            <IconArrowUp size={19} />
          </ActionIcon>
        </Tooltip>
      </div>
    </form>
  )
}
