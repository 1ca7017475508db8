// plugins/web/page/app.tsx: the frame around every section: navigation, connection, theme, and what must be seen wherever the user is.
import { ActionIcon, Button, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import {
  IconActivity,
  IconChartLine,
  IconChecklist,
  IconHome,
  IconLogout,
  IconMessageCircle,
  IconMoon,
  IconPackage,
  IconPuzzle,
  IconShieldCheck,
  IconSun,
  IconTimeline,
} from '@tabler/icons-react'
import { type ComponentType, useEffect } from 'react'
import { useAlertToasts } from './alerts.tsx'
import { FloatingApprovals } from './approvals.tsx'
import { Later } from './later.tsx'
import { goTo, hrefOf, SECTIONS, type Section, useRoute } from './route.ts'
import { Audit } from './sections/audit.tsx'
import { Events } from './sections/events.tsx'
import { Overview } from './sections/overview.tsx'
import { Packages } from './sections/packages.tsx'
import { Plugins } from './sections/plugins.tsx'
import { act, tell, useModel } from './store.ts'
import { useRunNotices } from './tasks/run-notices.tsx'
import { Chat, Resources, Tasks, Traces } from './views.tsx'

const places: Record<Section, { title: string; icon: typeof IconHome; view: ComponentType }> = {
  chat: { title: 'Chat', icon: IconMessageCircle, view: Chat },
  overview: { title: 'Overview', icon: IconHome, view: Overview },
  plugins: { title: 'Plugins', icon: IconPuzzle, view: Plugins },
  tasks: { title: 'Tasks', icon: IconChecklist, view: Tasks },
  events: { title: 'Events', icon: IconActivity, view: Events },
  audit: { title: 'Audit', icon: IconShieldCheck, view: Audit },
  packages: { title: 'Packages', icon: IconPackage, view: Packages },
  resources: { title: 'Resources', icon: IconChartLine, view: Resources },
  traces: { title: 'Traces', icon: IconTimeline, view: Traces },
}

export function App() {
  const { section } = useRoute()
  const { view: View, title } = places[section]
  useAlertToasts()
  useRunNotices()
  useNumberKeys()
  useTitle(title)
  const locked = useModel((model) => model.link === 'locked')
  if (locked) return <Locked />
  return (
    <div className="frame">
      <a className="skip" href={hrefOf(section)} onClick={focusMain}>
        Skip to content
      </a>
      <header className="side">
        <a className="brand" href={hrefOf('chat')} aria-label="Pryx, chat">
          <img src="icon.svg" alt="" width={26} height={26} />
          <span>Pryx</span>
        </a>
        <Navigation section={section} />
        <footer className="side-foot">
          <Link />
          <span className="side-buttons">
            <ThemeToggle />
            <LogOut />
          </span>
        </footer>
      </header>
      <main id="main" className="main" data-section={section} tabIndex={-1} aria-label={title}>
        <Later key={section}>
          <View />
        </Later>
      </main>
      {section !== 'overview' && <FloatingApprovals inPlace={section === 'chat'} />}
    </div>
  )
}

function Navigation({ section }: { section: Section }) {
  const waiting = useModel((model) => model.approvals.length)
  return (
    <nav className="nav" aria-label="Sections">
      {SECTIONS.map((name, index) => {
        const { title, icon: Icon } = places[name]
        return (
          <a key={name} href={hrefOf(name)} className="nav-link" aria-current={name === section ? 'page' : undefined}>
            <Icon size={20} stroke={1.7} aria-hidden />
            <span className="nav-title">{title}</span>
            {name === 'overview' && waiting > 0 ? (
              <span className="nav-count" title={`${waiting} waiting for your answer`}>
                {waiting}
              </span>
            ) : (
              <kbd className="nav-key" aria-hidden>
                {index + 1}
              </kbd>
            )}
          </a>
        )
      })}
    </nav>
  )
}

function Link() {
  const link = useModel((model) => model.link)
  const text = { connecting: 'Connecting', live: 'Live', away: 'Reconnecting', locked: 'Locked' }[link]
  return (
    <span className="link" data-link={link} role="status">
      <i className="dot" aria-hidden />
      <span className="link-text">{text}</span>
    </span>
  )
}

function ThemeToggle() {
  const { setColorScheme } = useMantineColorScheme()
  const shown = useComputedColorScheme('dark')
  const other = shown === 'dark' ? 'light' : 'dark'
  return (
    <Tooltip label={`Switch to ${other}`} position="top">
      <ActionIcon variant="subtle" color="gray" aria-label={`Switch to ${other}`} onClick={() => setColorScheme(other)}>
        {shown === 'dark' ? <IconSun size={18} stroke={1.7} /> : <IconMoon size={18} stroke={1.7} />}
      </ActionIcon>
    </Tooltip>
  )
}

function LogOut() {
  const leave = () =>
    act('You are still logged in', async () => {
      const answer = await fetch('/logout', { method: 'POST' })
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`)
      tell({ t: 'link', link: 'locked' })
    })
  return (
    <Tooltip label="Log out" position="top">
      <ActionIcon variant="subtle" color="gray" aria-label="Log out" onClick={leave}>
        <IconLogout size={18} stroke={1.7} />
      </ActionIcon>
    </Tooltip>
  )
}

/** Logged out, here or elsewhere: nothing of what was seen stays. */
function Locked() {
  return (
    <main className="locked">
      <img src="icon.svg" alt="" width={44} height={44} />
      <h1>You are logged out</h1>
      <p className="dim">
        <code>pryx web link</code> prints a link that lets this browser in again.
      </p>
      <Button component="a" href="/login">
        I have a link
      </Button>
    </main>
  )
}

/** 1 to 9 open the sections, unless the user is typing. */
function useNumberKeys(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing =
        event.target instanceof HTMLElement && event.target.closest('input, textarea, select, [role=dialog]')
      const section = SECTIONS[Number(event.key) - 1]
      if (section === undefined || typing || event.ctrlKey || event.metaKey || event.altKey) return
      goTo(section)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}

function useTitle(title: string): void {
  const waiting = useModel((model) => model.approvals.length)
  useEffect(() => {
    document.title = `${waiting > 0 ? `(${waiting}) ` : ''}${title} · Pryx`
  }, [title, waiting])
}

function focusMain(event: { preventDefault(): void }): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}
