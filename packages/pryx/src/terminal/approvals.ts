// packages/pryx/src/terminal/approvals.ts: questions of running plugins, asked in the terminal as on every other surface; the first answer wins (K5).
import type { Approval, Approvals, Kernel } from '@pryx/kernel'
import { PryxError, type Release } from '@pryx/kernel/contract'
import { riskColour } from './consent.ts'
import type { Conversation } from './conversation.ts'
import type { Screen } from './screen.ts'
import { type Style, safe } from './style.ts'

const ANSWERS = {
  o: { answer: 'allow', duration: 'once', words: 'allowed this once' },
  s: { answer: 'allow', duration: 'session', words: 'allowed until the host ends' },
  a: { answer: 'allow', duration: 'forever', words: 'always allowed' },
  d: { answer: 'deny', duration: 'once', words: 'denied' },
} as const

/** Asks what waits and whatever comes, until released. */
export function askApprovals(
  kernel: Pick<Kernel, 'on' | 'approvals'>,
  conversation: Conversation,
  screen: Screen,
  style: Style,
): Release {
  const open = new Map<string, AbortController>()
  const stopNeeded = kernel.on(
    'approval.needed',
    (payload, { from }) => from === 'kernel' && void put(payload as Approval),
  )
  const stopResolved = kernel.on('approval.resolved', (payload, { from }) => {
    if (from === 'kernel') elsewhere(payload as { id: string; plugin: string; answer: string; by: string })
  })
  for (const approval of kernel.approvals.pending()) void put(approval)
  return async () => {
    await stopNeeded()
    await stopResolved()
    for (const question of open.values()) question.abort()
  }

  async function put(approval: Approval): Promise<void> {
    if (open.has(approval.id)) return
    const withdrawn = new AbortController()
    open.set(approval.id, withdrawn)
    const key = await conversation.ask({
      lines: [
        `${riskColour(approval.risk, style)('?')} ${style.bold(safe(approval.plugin))} wants to ${safe(approval.sentence)}  ${style.dim(`${safe(approval.permission)} · ${approval.risk} risk`)}`,
      ],
      prompt: `  Allow?  ${style.bold('o')} once   ${style.bold('s')} this session   ${style.bold('a')} always   ${style.bold('d')} deny `,
      keys: 'osad',
      signal: withdrawn.signal,
    })
    open.delete(approval.id)
    if (key !== undefined) settle(kernel.approvals, approval, key as keyof typeof ANSWERS)
  }

  function settle(approvals: Approvals, { id, plugin }: Approval, key: keyof typeof ANSWERS): void {
    const { answer, duration, words } = ANSWERS[key]
    try {
      approvals.resolve(id, { answer, duration, by: 'terminal' })
      screen.print(`  ${style.dim('→')} ${safe(plugin)}: ${words}`)
    } catch (error) {
      screen.print(`  ${style.dim('→')} ${PryxError.is(error) ? safe(error.message) : String(error)}`)
    }
  }

  function elsewhere({ id, plugin, answer, by }: { id: string; plugin: string; answer: string; by: string }): void {
    if (by === 'terminal' || !open.has(id)) return
    open.get(id)?.abort()
    screen.print(
      `  ${style.dim('→')} ${safe(plugin)}: ${by === 'timeout' ? 'nobody answered in time, so it was denied' : by === 'withdrawn' ? 'it asks no more' : `${answer === 'allow' ? 'allowed' : 'denied'} by ${safe(by)}`}`,
    )
  }
}
