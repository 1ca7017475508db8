// plugins/web/page/chat/setup.tsx: the steps that are worth taking first. Keys are typed in the host's own window: this page never holds one.
import { Button } from '@mantine/core'
import { IconBrandTelegram, IconExternalLink, IconFolder, IconKey } from '@tabler/icons-react'
import { type ReactNode, useEffect, useState } from 'react'
import { get } from '../calls.ts'
import { Copy } from './markdown.tsx'

export function Setup() {
  const base = useWindow()
  return (
    <ol className="setup" aria-label="Set up">
      <Step
        icon={<IconKey size={19} />}
        title="Give a model’s key"
        note="Anthropic, OpenAI, Google, OpenRouter and others."
      >
        <Window href={base && `${base}setup/model`} instead="pryx models connect anthropic">
          Type the key in Pryx’s window
        </Window>
      </Step>
      <Step
        icon={<IconBrandTelegram size={19} />}
        title="Write from Telegram"
        note="Make a bot with @BotFather; it gives you a token."
      >
        <Window href={base && `${base}setup/telegram`} instead="pryx secrets set telegram.token">
          Type the token in Pryx’s window
        </Window>
      </Step>
      <Step
        icon={<IconFolder size={19} />}
        title="Work in a folder of yours"
        note="What agents and plugins get as their workspace."
      >
        <Command text="pryx up --workspace FOLDER" />
      </Step>
    </ol>
  )
}

/** Where the host takes what no page may see; undefined where it has no such window. */
export function useWindow(): string | undefined {
  const [base, setBase] = useState<string>()
  useEffect(() => {
    get<{ window: string }>('/api/packages').then(
      ({ window }) => setBase(window),
      () => {},
    )
  }, [])
  return base
}

export function Window({ href, instead, children }: { href: string | undefined; instead: string; children: string }) {
  if (href === undefined) return <Command text={instead} />
  return (
    <Button
      component="a"
      href={href}
      target="_blank"
      rel="noopener noreferrer"
      size="xs"
      variant="light"
      rightSection={<IconExternalLink size={14} />}
    >
      {children}
    </Button>
  )
}

function Step({ icon, title, note, children }: { icon: ReactNode; title: string; note: string; children: ReactNode }) {
  return (
    <li>
      <span className="setup-icon" aria-hidden>
        {icon}
      </span>
      <div className="setup-step">
        <h2>{title}</h2>
        <p className="dim small">{note}</p>
        {children}
      </div>
    </li>
  )
}

function Command({ text }: { text: string }) {
  return (
    <span className="command">
      <code>{text}</code>
      <Copy text={() => text} what="command" />
    </span>
  )
}
