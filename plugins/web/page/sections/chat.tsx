// plugins/web/page/sections/chat.tsx: the section the page opens on: sessions at the side, the conversation, where one writes.
import { ActionIcon, Button, Drawer, Kbd, Modal, Tooltip } from '@mantine/core'
import type { Session } from '@pryx/plugin-sessions/service'
import { IconKeyboard, IconMenu2 } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { post } from '../calls.ts'
import { openSession, pathOf, stopRun, useChat } from '../chat/chat-store.ts'
import { Composer } from '../chat/composer.tsx'
import { Talk } from '../chat/conversation.tsx'
import { EmptyChat } from '../chat/first-run.tsx'
import { Meter, ModelPicker, useChoices, useModelChoice } from '../chat/model-picker.tsx'
import { keep, keptAt } from '../chat/outbox.ts'
import { newSession, SessionList, titleOf } from '../chat/session-list.tsx'
import { Setup } from '../chat/setup.tsx'
import { goTo, useRoute } from '../route.ts'
import { act } from '../store.ts'

const LAST = 'pryx.session'
const SHARED = 'main' // the one that all surfaces share

export function Chat() {
  const { item } = useRoute()
  const session = item ?? keptAt(LAST) ?? SHARED
  useEffect(() => {
    keep(LAST, session)
    void openSession(session)
  }, [session])
  const search = useRef<HTMLInputElement>(null)
  const [listed, setListed] = useState(false)
  const [keys, setKeys] = useState(false)
  useKeys({ search, help: () => setKeys(true) })
  return (
    <div className="chat">
      <aside className="chat-side">
        <SessionList search={search} />
      </aside>
      <Drawer
        opened={listed}
        onClose={() => setListed(false)}
        size="85%"
        lockScroll={false}
        title="Chats"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <SessionList search={{ current: null }} onOpen={() => setListed(false)} />
      </Drawer>
      <Open key={session} session={session} list={() => setListed(true)} help={() => setKeys(true)} />
      <Keys opened={keys} close={() => setKeys(false)} />
    </div>
  )
}

function Open({ session, list, help }: { session: string; list(): void; help(): void }) {
  const facts = useChat((chat) => (chat.session === session ? chat.facts : undefined))
  const trouble = useChat((chat) => (chat.session === session ? chat.trouble : undefined))
  const choices = useChoices()
  const [model, choose] = useModelChoice(session)
  const branch = (version: number) =>
    void act('No branch was made', async () => {
      const made = await post<Session>(`${pathOf(session)}/branch`, { version })
      goTo('chat', made.id)
    })
  return (
    <section className="chat-main" aria-label="Chat">
      <header className="chat-head">
        <ActionIcon className="chat-list" variant="subtle" color="gray" aria-label="Chats" onClick={list}>
          <IconMenu2 size={19} />
        </ActionIcon>
        <h1 className="clip grow">{titleOf(facts ?? { id: session, title: '' })}</h1>
        <Meter session={session} />
        <ModelPicker choices={choices} value={model} choose={choose} />
        <Tooltip label="Keys">
          <ActionIcon className="chat-keys" variant="subtle" color="gray" aria-label="Keys" onClick={help}>
            <IconKeyboard size={18} />
          </ActionIcon>
        </Tooltip>
      </header>
      {trouble === undefined ? (
        <Talk
          branch={branch}
          empty={
            <EmptyChat choices={choices}>
              <Setup />
            </EmptyChat>
          }
        />
      ) : (
        <Trouble session={session} {...trouble} />
      )}
      <Composer session={session} model={model} />
    </section>
  )
}

function Trouble({
  session,
  code,
  message,
  hint,
}: {
  session: string
  code: string
  message: string
  hint?: string | undefined
}) {
  const gone = code === 'SESSION_UNKNOWN'
  return (
    <div className="talk-frame">
      <div className="first" role="alert">
        <h1>{gone ? 'This chat is not there any more' : 'The chat cannot be shown now'}</h1>
        <p className="dim">{[message, hint].filter(Boolean).join('. ')}</p>
        {gone ? (
          <Button onClick={() => goTo('chat', SHARED)}>Go to the main chat</Button>
        ) : (
          <Button onClick={() => openSession(session)}>Try again</Button>
        )}
      </div>
    </div>
  )
}

const KEYS = [
  ['Enter', 'send'],
  ['Shift Enter', 'a new line'],
  ['Esc', 'stop the answer'],
  ['↑', 'write the last message again, in an empty field'],
  ['Ctrl K', 'search in all chats'],
  ['Alt N', 'a new chat'],
  ['/', 'write'],
  ['1 … 9', 'the sections of the page'],
  ['?', 'this list'],
] as const

function Keys({ opened, close }: { opened: boolean; close(): void }) {
  return (
    <Modal opened={opened} onClose={close} title="Keys" lockScroll={false} closeButtonProps={{ 'aria-label': 'Close' }}>
      <dl className="keys">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split(' ').map((part) => (
                <Kbd key={part}>{part}</Kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  )
}

function useKeys({ search, help }: { search: { current: HTMLInputElement | null }; help(): void }): void {
  const latest = useRef(help)
  latest.current = help
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const at = event.target instanceof HTMLElement ? event.target : undefined
      const typing = at?.closest('input, textarea, select, [role=dialog]') != null
      const alone = !event.ctrlKey && !event.metaKey && !event.altKey
      if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey)) search.current?.focus()
      else if (event.code === 'KeyN' && event.altKey) void newSession()
      else if (event.key === 'Escape' && at?.closest('[role=dialog], [role=listbox], [role=menu], input') == null)
        void stopRun()
      else if (event.key === '/' && alone && !typing) document.querySelector<HTMLElement>('.composer textarea')?.focus()
      else if (event.key === '?' && alone && !typing) latest.current()
      else return
      event.preventDefault()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [search])
}
