// plugins/web/page/chat/first-run.tsx: an empty chat: what answers now, and what can be set up.
import { Button } from '@mantine/core'
import { IconMessage } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { Choices } from '../../src/chat/models.ts'
import { say } from './chat-store.ts'

const TRY = ['What can you do?', 'Which plugins are running?', 'Remind me every weekday at 9 to stand up']

export function EmptyChat({ choices, children }: { choices: Choices | undefined; children?: ReactNode }) {
  return (
    <div className="first">
      <img src="icon.svg" alt="" width={44} height={44} />
      <h1>What shall we do?</h1>
      <p className="dim">{whoAnswers(choices)}</p>
      {choices?.echoOnly === true ? (
        children
      ) : (
        <div className="first-try">
          {TRY.map((text) => (
            <Button
              key={text}
              variant="default"
              size="sm"
              radius="xl"
              leftSection={<IconMessage size={15} />}
              onClick={() => say(text, undefined)}
            >
              {text}
            </Button>
          ))}
        </div>
      )}
    </div>
  )
}

function whoAnswers(choices: Choices | undefined): string {
  if (choices === undefined) return 'Looking for models…'
  if (choices.echoOnly) return 'No model is set up yet: the echo answers, without a key and without the network.'
  const names = choices.ready.filter(({ id }) => id !== 'echo').map(({ name }) => name)
  return names.length === 0
    ? ''
    : `Ready: ${names.slice(0, 4).join(', ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''}.`
}
