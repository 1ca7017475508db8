// plugins/web/page/chat/setup.tsx: the steps that are worth taking first. Keys are typed where this page cannot see them.
import { Select } from '@mantine/core'
import { IconBrandTelegram, IconFolder, IconKey } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import type { Choices } from '../../src/chat/models.ts'
import { Copy } from './markdown.tsx'

export function Setup({ choices }: { choices: Choices | undefined }) {
  const [provider, setProvider] = useState('anthropic')
  const missing = choices?.missing ?? []
  const chosen = missing.find(({ id }) => id === provider) ?? missing[0]
  return (
    <ol className="setup" aria-label="Set up">
      <Step icon={<IconKey size={19} />} title="Give a model’s key">
        <Select
          size="xs"
          aria-label="Provider"
          allowDeselect={false}
          data={missing.map(({ id, name }) => ({ value: id, label: name }))}
          value={chosen?.id ?? null}
          onChange={(id) => id && setProvider(id)}
        />
        <Command text={`pryx models connect ${chosen?.id ?? 'anthropic'}`} />
      </Step>
      <Step icon={<IconBrandTelegram size={19} />} title="Write from Telegram">
        <Command text="pryx secrets set telegram.token" />
      </Step>
      <Step icon={<IconFolder size={19} />} title="Work in a folder of yours">
        <Command text="pryx up --workspace FOLDER" />
      </Step>
    </ol>
  )
}

function Step({ icon, title, children }: { icon: ReactNode; title: string; children: ReactNode }) {
  return (
    <li>
      <span className="setup-icon" aria-hidden>
        {icon}
      </span>
      <div className="grow">
        <h2>{title}</h2>
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
