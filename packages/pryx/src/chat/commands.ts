// packages/pryx/src/chat/commands.ts: what begins with a slash is said to the chat, not to the agent.

export interface ChatCommand {
  name: string
  rest: string
}

/** Two slashes, and `/tool`, which the agent reads itself, are messages. */
export function commandIn(line: string): ChatCommand | undefined {
  const [, name, rest = ''] = /^\/([a-z]+)(?:\s+(.*))?$/s.exec(line.trim()) ?? []
  return name === undefined || name === 'tool' ? undefined : { name, rest: rest.trim() }
}

export const COMMANDS = ['/help', '/model', '/new', '/quit', '/sessions', '/stop', '/switch'] as const

export const HELP = `/sessions            the newest sessions
/new [title]         a new session
/switch N|ID         another session
/model [slug|auto]   the model for what you say from now on; auto: chosen for each message
/stop                stop the run in progress (Ctrl-C does too; once more quits)
/quit                leave; runs go on`
