// plugins/router/src/rules.ts: the user's rules of where a job may run (R8). What the request says itself goes before.
import type { Config } from './config.ts'
import type { Ability, ChooseRequest, Needs } from './request.ts'

/** The request with place, strategy and order filled in. */
export function routed(request: ChooseRequest, config: Pick<Config, 'rules' | 'place'>): ChooseRequest {
  const rule = config.rules.find(({ when }) => fits(when, request))
  const place = request.place ?? rule?.place ?? config.place
  const strategy = request.strategy ?? (request.chain ? undefined : rule?.strategy)
  return { ...request, place, ...(strategy && { strategy }) }
}

function fits(when: Config['rules'][number]['when'], { task, session, needs = {} }: ChooseRequest): boolean {
  return (
    (when.task === undefined || matches(when.task, task)) &&
    (when.session === undefined || matches(when.session, session)) &&
    (when.inputTokensOver === undefined || (needs.inputTokens ?? 0) > when.inputTokensOver) &&
    (when.needs === undefined || when.needs.every((ability) => WANTS[ability](needs)))
  )
}

/** `*` at the end stands for any rest. */
function matches(pattern: string, text: string | undefined): boolean {
  if (text === undefined) return false
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern
}

const WANTS: Readonly<Record<Ability, (needs: Needs) => boolean>> = {
  tools: ({ tools = 0 }) => tools > 0,
  vision: ({ images = 0, input = [] }) => images > 0 || input.includes('image'),
  reasoning: ({ reasoningTokens }) => reasoningTokens !== undefined,
  structured: ({ structured }) => structured === true,
  cache: ({ cache }) => cache === true,
  audio: ({ input = [] }) => input.includes('audio'),
  pdf: ({ input = [] }) => input.includes('pdf'),
  open: () => false,
}
