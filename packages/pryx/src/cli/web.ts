// packages/pryx/src/cli/web.ts: `pryx web`: the way to the page, and who has gone it.
import { UsageError } from '@pryx/kernel/contract'
import { safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { type CommonOptions, runningHost } from './target.ts'

export async function printLink(output: Output, options: CommonOptions): Promise<void> {
  const { link, expiresAt } = await (await runningHost(options)).webLink()
  const minutes = Math.round((expiresAt - Date.now()) / 60_000)
  output.result({ link, expiresAt }, link)
  output.note(`It opens the page once, within ${minutes} minutes, in the browser that is to stay logged in.`)
}

export async function listBrowsers(output: Output, options: CommonOptions): Promise<void> {
  const sessions = await (await runningHost(options)).webSessions()
  const rows = sessions.map(({ id, agent, since, seenAt }) => [
    safe(id),
    new Date(since).toLocaleString(),
    new Date(seenAt).toLocaleString(),
    safe(agent),
  ])
  const head = ['id', 'since', 'last seen', 'browser']
  output.result(sessions, rows.length > 0 ? table([head, ...rows]) : 'No browser is logged in.')
}

export async function logOut(
  output: Output,
  options: CommonOptions & { all?: boolean },
  id: string | undefined,
): Promise<void> {
  if ((id === undefined) === (options.all !== true))
    throw new UsageError('USAGE_WHICH', 'which browser?', {
      hint: 'Name its id as `pryx web list` shows it, or say --all.',
    })
  const ended = await (await runningHost(options)).endWebSession(id ?? null)
  output.result({ ended }, ended === 0 ? 'Nobody was logged in so.' : `Logged out: ${ended}.`)
}
