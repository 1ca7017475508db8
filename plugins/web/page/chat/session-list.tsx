// plugins/web/page/chat/session-list.tsx: the sessions, newest first, and a search through all that was said.
import { ActionIcon, Button, Menu, TextInput } from '@mantine/core'
import type { Found, Session } from '@pryx/plugin-sessions/service'
import {
  IconArchive,
  IconArchiveOff,
  IconDots,
  IconDownload,
  IconPencil,
  IconPlus,
  IconSearch,
} from '@tabler/icons-react'
import { type RefObject, useEffect, useState } from 'react'
import { get, post } from '../calls.ts'
import { ago, plural } from '../format.ts'
import { Empty } from '../marks.tsx'
import { goTo, hrefOf } from '../route.ts'
import { act, useNow } from '../store.ts'
import { pathOf, useChat } from './chat-store.ts'

const UNNAMED = 'New conversation' // until something is said in it
const SEARCH_MS = 180 // after the last key

export function SessionList({ search, onOpen }: { search: RefObject<HTMLInputElement | null>; onOpen?(): void }) {
  const [words, setWords] = useState('')
  const [archived, setArchived] = useState(false)
  const sessions = useSessions(archived)
  const found = useFound(words)
  return (
    <div className="sessions">
      <div className="sessions-head">
        <Button
          fullWidth
          size="sm"
          variant="light"
          leftSection={<IconPlus size={17} />}
          onClick={() => newSession().then(onOpen)}
        >
          New chat
        </Button>
        <TextInput
          ref={search}
          size="sm"
          aria-label="Search in all chats"
          placeholder="Search"
          leftSection={<IconSearch size={16} />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
      </div>
      <nav className="sessions-list" aria-label="Chats">
        {found === undefined ? (
          <Rows sessions={sessions} onOpen={onOpen} archived={archived} />
        ) : (
          <Hits found={found} onOpen={onOpen} />
        )}
      </nav>
      <button type="button" className="sessions-foot" aria-pressed={archived} onClick={() => setArchived(!archived)}>
        {archived ? 'Back to open chats' : 'Archived chats'}
      </button>
    </div>
  )
}

export async function newSession(): Promise<void> {
  await act('The chat was not made', async () => {
    const { id } = await post<Session>('/api/chat/sessions')
    goTo('chat', id)
  })
}

function Rows({
  sessions,
  archived,
  onOpen,
}: {
  sessions: Session[] | undefined
  archived: boolean
  onOpen: (() => void) | undefined
}) {
  const current = useChat((chat) => chat.session)
  if (sessions === undefined) return null
  if (sessions.length === 0)
    return <Empty>{archived ? 'Nothing was archived.' : 'What you talk about is listed here.'}</Empty>
  return (
    <ul>
      {sessions.map((session) => (
        <Row key={session.id} session={session} current={session.id === current} onOpen={onOpen} />
      ))}
    </ul>
  )
}

function Row({ session, current, onOpen }: { session: Session; current: boolean; onOpen: (() => void) | undefined }) {
  const { id, title, preview, updatedAt, archived, run } = session
  const now = useNow(30_000)
  const [naming, setNaming] = useState(false)
  if (naming) return <Rename session={session} done={() => setNaming(false)} />
  return (
    <li className="session-row" data-current={current || undefined}>
      <a href={hrefOf('chat', id)} aria-current={current ? 'page' : undefined} onClick={onOpen}>
        <span className="session-title clip">
          {run !== undefined && <i className="dot running" role="img" aria-label="An answer is under way" />}
          {titleOf({ id, title })}
        </span>
        <span className="session-preview clip">{preview || 'Nothing said yet'}</span>
      </a>
      <time className="session-time">{ago(updatedAt, now).replace(' ago', '')}</time>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            className="session-more"
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={`More for ${titleOf({ id, title })}`}
          >
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={15} />} onClick={() => setNaming(true)}>
            Rename
          </Menu.Item>
          <Menu.Item leftSection={<IconDownload size={15} />} component="a" href={`${pathOf(id)}/export`} download>
            Export as Markdown
          </Menu.Item>
          <Menu.Item
            leftSection={archived ? <IconArchiveOff size={15} /> : <IconArchive size={15} />}
            onClick={() =>
              act('It could not be archived', () => post(`${pathOf(id)}/archive`, { archived: !archived }))
            }
          >
            {archived ? 'Take out of the archive' : 'Archive'}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  )
}

function Rename({ session, done }: { session: Session; done(): void }) {
  const [title, setTitle] = useState(session.title)
  const save = async () => {
    if (title.trim() !== '' && title !== session.title)
      await act('It could not be renamed', () => post(`${pathOf(session.id)}/rename`, { title: title.trim() }))
    done()
  }
  return (
    <li className="session-row">
      <TextInput
        className="grow"
        size="xs"
        aria-label="Name of the chat"
        autoFocus
        value={title}
        maxLength={200}
        onChange={(event) => setTitle(event.currentTarget.value)}
        onBlur={save}
        onKeyDown={(event) => {
          if (event.key === 'Enter') void save()
          if (event.key === 'Escape') done()
        }}
      />
    </li>
  )
}

function Hits({ found, onOpen }: { found: Found[]; onOpen: (() => void) | undefined }) {
  const now = useNow(30_000)
  if (found.length === 0) return <Empty>Nobody said that.</Empty>
  return (
    <ul aria-label={plural(found.length, 'hit')}>
      {found.map(({ session, title, version, at, snippet }) => (
        <li key={`${session}-${version}`} className="session-row">
          <a href={hrefOf('chat', session)} onClick={onOpen}>
            <span className="session-title clip">{titleOf({ id: session, title })}</span>
            <span className="session-preview clip2">
              <Marked text={snippet} />
            </span>
          </a>
          <time className="session-time">{ago(at, now).replace(' ago', '')}</time>
        </li>
      ))}
    </ul>
  )
}

/** Hits stand between « and ». */
function Marked({ text }: { text: string }) {
  return text.split(/«|»/).map((part, index) => (index % 2 === 1 ? <mark key={index}>{part}</mark> : part))
}

export function titleOf({ id, title }: Pick<Session, 'id' | 'title'>): string {
  if (title !== '' && title !== UNNAMED) return title.replace(/\*\*|`|^[#>\s]+/g, '') // marks of Markdown in what was said first
  return id === 'main' ? 'Main chat' : 'New chat'
}

function useSessions(archived: boolean): Session[] | undefined {
  const changes = useChat((chat) => chat.changes)
  const open = useChat((chat) => chat.facts?.id)
  const [sessions, setSessions] = useState<Session[]>()
  // asked again whenever one of them changed
  useEffect(() => {
    let ended = false
    const timer = setTimeout(async () => {
      const answer = await get<{ sessions: Session[] }>(`/api/chat/sessions?archived=${archived}`).catch(
        () => undefined,
      )
      if (!ended && answer !== undefined) setSessions(answer.sessions)
    }, 60)
    return () => {
      ended = true
      clearTimeout(timer)
    }
  }, [changes, archived, open])
  return sessions
}

function useFound(words: string): Found[] | undefined {
  const [found, setFound] = useState<Found[]>()
  useEffect(() => {
    if (words.trim() === '') return setFound(undefined)
    let ended = false
    const timer = setTimeout(async () => {
      const answer = await get<{ found: Found[] }>(`/api/chat/search?q=${encodeURIComponent(words)}`).catch(
        () => undefined,
      )
      if (!ended && answer !== undefined) setFound(answer.found)
    }, SEARCH_MS)
    return () => {
      ended = true
      clearTimeout(timer)
    }
  }, [words])
  return found
}
