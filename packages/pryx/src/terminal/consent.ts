// packages/pryx/src/terminal/consent.ts: asks what a plugin may do before its code runs, in plain words (K4).
import type { ConsentAnswer, ConsentPrompt, ConsentQuestion } from '@pryx/kernel'
import type { Permission, Risk } from '@pryx/kernel/contract'
import type { Conversation } from './conversation.ts'
import type { Screen } from './screen.ts'
import { type Style, safe } from './style.ts'

/** A prompt on the terminal: all, none, or each permission by itself. */
export function createConsentPrompt(conversation: Conversation, screen: Screen, style: Style): ConsentPrompt {
  return async (question) => {
    const key = await conversation.ask({
      lines: describe(question, style),
      prompt: `  Allow?  ${style.bold('a')} all   ${style.bold('e')} ask me for each   ${style.bold('n')} nothing, ask at first use   ${style.bold('d')} do not run it `,
      keys: 'aend',
    })
    const allow = key === 'a' ? question.undecided : key === 'e' ? await askEach(question) : []
    screen.print(`  ${style.dim('→')} ${outcome(key, question, allow)}\n`)
    return key === undefined || key === 'd'
      ? undefined
      : ({ allow, duration: 'forever', by: 'terminal' } satisfies ConsentAnswer)
  }

  async function askEach({ screen: { lines }, undecided }: ConsentQuestion): Promise<Permission[]> {
    const allowed: Permission[] = []
    for (const line of lines.filter(({ permission }) => undecided.includes(permission))) {
      const key = await conversation.ask({
        lines: [consentLine(line, style)],
        prompt: `    Allow this?  ${style.bold('y')} yes   ${style.bold('n')} no, ask at first use `,
        keys: 'yn',
      })
      if (key === undefined) return []
      if (key === 'y') allowed.push(line.permission)
    }
    return allowed
  }
}

function describe({ plugin, manifest, undecided, screen }: ConsentQuestion, style: Style): string[] {
  return [
    '',
    `${style.bold(safe(plugin))} ${style.dim(`${safe(manifest.name)} ${safe(manifest.version)}`)}`,
    ...(manifest.description ? [`  ${safe(manifest.description)}`] : []),
    '  It asks to',
    ...screen.lines.filter(({ permission }) => undecided.includes(permission)).map((line) => consentLine(line, style)),
    ...screen.warnings.map(({ text, risk }) => `  ${riskColour(risk, style)('▲')} ${safe(text)}`),
  ]
}

export function consentLine(
  { permission, text, risk }: { permission: Permission; text: string; risk: Risk },
  style: Style,
): string {
  return `    ${riskColour(risk, style)('●')} ${safe(text)}  ${style.dim(`${safe(permission)} · ${risk} risk`)}`
}

export function riskColour(risk: Risk, style: Style): (text: string) => string {
  return risk === 'high' ? style.red : risk === 'medium' ? style.yellow : style.green
}

function outcome(
  key: string | undefined,
  { plugin, undecided }: ConsentQuestion,
  allow: readonly Permission[],
): string {
  if (key === undefined || key === 'd') return `${plugin} does not run`
  return allow.length === undecided.length
    ? `${plugin} may do all of this`
    : `${plugin} may do ${allow.length} of ${undecided.length}; the rest is asked at first use`
}
