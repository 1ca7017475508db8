// packages/pryx/src/cli/approvals.ts: `pryx approvals`.
import { type PendingApproval, UsageError } from '@pryx/kernel/contract'
import { riskColour } from '../terminal/consent.ts'
import { safe } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { type CommonOptions, runningHost } from './target.ts'

export async function listApprovals(output: Output, options: CommonOptions): Promise<void> {
  const waiting = await (await runningHost(options)).approvals()
  const { style } = output
  const lines = waiting.map(
    ({ id, plugin, permission, sentence, risk, expiresAt }) =>
      `${riskColour(risk, style)('?')} ${style.bold(safe(plugin))} wants to ${safe(sentence)}\n  ${style.dim(`${safe(id)} · ${safe(permission)} · ${risk} risk · ${Math.max(0, Math.round((expiresAt - Date.now()) / 1_000))} s left`)}`,
  )
  output.result(waiting, lines.join('\n') || 'Nothing waits for an answer.')
}

export async function answerApproval(
  output: Output,
  options: CommonOptions & { for: 'once' | 'session' | 'forever' },
  id: string,
  answer: 'allow' | 'deny',
): Promise<void> {
  const host = await runningHost(options)
  const found = matching(await host.approvals(), id)
  await host.answer(found?.id ?? id, answer, options.for)
  const what = found ? `${safe(found.plugin)}: ${safe(found.sentence)}` : id
  output.result(
    { id: found?.id ?? id, answer, duration: options.for },
    `${answer === 'allow' ? 'Allowed' : 'Denied'} (${options.for}): ${what}`,
  )
}

/** The question whose id this is, or begins with it. @throws USAGE_APPROVAL if several do */
function matching(waiting: readonly PendingApproval[], id: string): PendingApproval | undefined {
  const found = waiting.filter((one) => one.id === id || one.id.startsWith(id) || one.id.startsWith(`approval-${id}`))
  if (found.length > 1)
    throw new UsageError('USAGE_APPROVAL', `several questions begin with "${id}"`, {
      hint: 'Give more of the id: `pryx approvals` lists them.',
    })
  return found[0]
}
