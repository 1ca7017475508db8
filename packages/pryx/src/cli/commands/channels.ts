// packages/pryx/src/cli/commands/channels.ts: what links chats of elsewhere: options and examples.
import type { Command } from 'commander'
import { action, command } from '../command.ts'

export function addChannels(program: Command): void {
  const group = program.command('channels').description('see how Telegram and webhooks stand, and link chats')
  const load = () => import('../channels.ts')
  command(group, 'list', 'how each channel stands, and what to do', ['pryx channels'], true).action(
    action(async (output, options) => (await load()).listChannels(output, options)),
  )
  command(group, 'link', 'get a code that links a Telegram chat', ['pryx channels link']).action(
    action(async (output, options) => (await load()).linkChat(output, options)),
  )
  command(group, 'chats', 'linked Telegram chats', ['pryx channels chats']).action(
    action(async (output, options) => (await load()).listChats(output, options)),
  )
  command(group, 'unlink <chat>', 'unlink a Telegram chat', ['pryx channels unlink 123456789']).action(
    action(async (output, options, chat) => (await load()).unlinkChat(output, options, chat as string)),
  )
}
