// packages/pryx/src/host/setup-forms.ts: keys and tokens, typed into the host's own window: no plugin's page ever holds them (N4).
//   F1  What is typed goes to its keeper and nowhere else: it is not shown again, not logged, and no plugin is told of it here.
//   F2  A form asks for one secret of a fixed list; no page chooses its name.
import type { Kernel } from '@pryx/kernel'
import { defineService, UsageError } from '@pryx/kernel/contract'
import type { Control } from '../control/control.ts'
import { text } from './markup.ts'

const MAX_VALUE = 16_384 // characters
const TELEGRAM = 'telegram.token'

/** Asked for first: what most people have a key for. */
const USUAL = ['anthropic', 'openai', 'google', 'openrouter', 'mistral', 'groq', 'xai', 'deepseek']

export interface Form {
  title: string
  /** Its fields, as markup. @param query Of the address. */
  fields(query: URLSearchParams): Promise<string>
  /** Takes what was typed. @returns What to tell the user. @throws PryxError */
  take(form: URLSearchParams): Promise<string>
}

interface ProviderLine {
  id: string
  name: string
  state: string
}
interface Models {
  providers(): Promise<ProviderLine[]>
  connect(provider: string, access: { key: string }): Promise<ProviderLine>
}
const Models = defineService<Models>('models', '1.0.0')

/** The form at `/setup/NAME` (F2). @param control Acts in the user's name. */
export function createSetupForms(
  kernel: Pick<Kernel, 'use' | 'audit'>,
  control: () => Pick<Control, 'setSecret'>,
): (name: string) => Form | undefined {
  const forms: Record<string, Form> = { model: modelForm(kernel), telegram: telegramForm(control) }
  return (name) => (Object.hasOwn(forms, name) ? forms[name] : undefined)
}

function modelForm(kernel: Pick<Kernel, 'use' | 'audit'>): Form {
  return {
    title: 'A model’s key',
    async fields(query) {
      const all = (await (await kernel.use(Models)).providers()).filter(({ state }) => state === 'needs-key')
      const rank = ({ id }: ProviderLine) => (USUAL.indexOf(id) + USUAL.length + 1) % (USUAL.length + 1)
      const sorted = all.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
      const wanted = query.get('provider')
      const options = sorted.map(
        ({ id, name }) => `<option value="${text(id)}"${id === wanted ? ' selected' : ''}>${text(name)}</option>`,
      )
      return `<label for="provider">Provider</label><select id="provider" name="provider">${options.join('')}</select>
<label for="value">Key</label>${SECRET_FIELD}
<p class="dim">It is kept sealed, for the router alone, and goes to this provider and nobody else. No page sees it.</p>`
    },
    async take(form) {
      const provider = form.get('provider') ?? ''
      const { name, state } = await (await kernel.use(Models)).connect(provider, { key: typedIn(form) })
      const detail = { by: 'window', provider }
      kernel.audit.append({ plugin: 'kernel', act: 'setup.key', access: [], outcome: 'allowed', detail, trace: 'user' })
      return state === 'ready' ? `${name} is ready.` : `The key is kept; ${name} still is: ${state}.`
    },
  }
}

function telegramForm(control: () => Pick<Control, 'setSecret'>): Form {
  return {
    title: 'Telegram',
    fields: async () => `<label for="value">The token that @BotFather gave your bot</label>${SECRET_FIELD}
<p class="dim">It is kept sealed, for plugins you allow to read ${TELEGRAM}. No page sees it.</p>`,
    async take(form) {
      await control().setSecret(null, TELEGRAM, typedIn(form))
      return 'The token is kept.'
    },
  }
}

const SECRET_FIELD =
  '<input id="value" name="value" type="password" autocomplete="off" spellcheck="false" required autofocus>'

/** @throws USAGE_KEY */
function typedIn(form: URLSearchParams): string {
  const value = form.get('value')?.trim() ?? ''
  if (value !== '' && value.length <= MAX_VALUE && !/\s/.test(value)) return value
  throw new UsageError('USAGE_KEY', 'that is no key', { hint: 'Paste it whole, and nothing else.' })
}
