// plugins/web/src/chat/services.ts: the plugins that make a chat. Each may be absent, come later, or go; none is started before it is needed.
import { Agent } from '@pryx/plugin-agent/service'
import { Models } from '@pryx/plugin-router/service'
import { Sessions } from '@pryx/plugin-sessions/service'
import { type PluginContext, ServiceError, type ServiceToken } from '@pryx/sdk'

export interface ChatServices {
  /** @throws WEB_NO_SESSIONS */
  sessions(): Promise<Sessions>
  /** @throws WEB_NO_AGENT */
  agent(): Promise<Agent>
  /** @throws WEB_NO_MODELS */
  models(): Promise<Models>
}

export function createChatServices(ctx: Pick<PluginContext, 'tryUse'>): ChatServices {
  return {
    sessions: finder(ctx, Sessions, 'WEB_NO_SESSIONS', 'sessions'),
    agent: finder(ctx, Agent, 'WEB_NO_AGENT', 'agent'),
    models: finder(ctx, Models, 'WEB_NO_MODELS', 'router'),
  }
}

function finder<T extends object>(
  ctx: Pick<PluginContext, 'tryUse'>,
  token: ServiceToken<T>,
  code: 'WEB_NO_SESSIONS' | 'WEB_NO_AGENT' | 'WEB_NO_MODELS',
  plugin: string,
): () => Promise<T> {
  let found: T | undefined
  return async () => {
    found ??= await ctx.tryUse(token)
    if (found !== undefined) return found
    throw new ServiceError(code, `nothing here provides ${token.name}`, {
      hint: `Install @pryx/plugin-${plugin}, or allow this page to use it.`,
    })
  }
}
