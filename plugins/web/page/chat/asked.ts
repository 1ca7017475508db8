// plugins/web/page/chat/asked.ts: questions of plugins that belong to the conversation that is open: they are answered where the tool stands.
//   Q1  A question belongs to the conversation if its log says so; and to a tool under way there if it is about calling that tool, or comes from
//       the plugin whose tool it is.
import type { PendingApproval } from '@pryx/sdk'
import { useMemo } from 'react'
import { useModel } from '../store.ts'
import { useChat } from './chat-store.ts'
import { openTools } from './log.ts'

const owners = new Map<string, string>()

/** Questions that the open conversation shows in place. */
export function useAsked(): readonly PendingApproval[] {
  const approvals = useModel((model) => model.approvals)
  const plugins = useModel((model) => model.picture?.plugins)
  const talk = useChat((chat) => chat.talk)
  return useMemo(() => {
    for (const { id, tools } of plugins ?? []) for (const tool of tools) owners.set(tool, id)
    const tools = openTools(talk)
    return approvals.filter(
      (asked) => talk.questions.includes(asked.id) || tools.some(({ name }) => asksFor(asked, name)),
    )
  }, [approvals, plugins, talk])
}

/** Q1 */
export function asksFor({ plugin, permission }: PendingApproval, tool: string): boolean {
  return permission === `tools:${tool}` || owners.get(tool) === plugin
}
