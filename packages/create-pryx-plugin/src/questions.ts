// packages/create-pryx-plugin/src/questions.ts: what the flags left open, asked at the terminal.
import { confirm, isCancel, select, text } from '@clack/prompts'
import { PryxError } from '@pryx/kernel/contract'
import { namesOf } from './names.ts'
import { TEMPLATES, type Template, templateNames } from './templates.ts'

export interface Asked {
  name: string
  template: Template
  description: string
  install: boolean
}

/** @throws CREATE_CANCELLED at Ctrl-C; USAGE_NAME for a name from the command line that cannot be one. */
export async function ask(known: { [K in keyof Asked]?: Asked[K] | undefined }): Promise<Asked> {
  if (known.name !== undefined) namesOf(known.name)
  const name = known.name ?? (await answered(text({ message: 'Name', placeholder: 'my-notes', validate: wrongName })))
  const template =
    known.template ??
    (await answered(
      select({
        message: 'Begin with',
        options: templateNames.map((value) => ({ value, label: value, hint: TEMPLATES[value] })),
      }),
    ))
  const preset = `The ${namesOf(name).id} plugin`
  const description =
    known.description ?? (await answered(text({ message: 'Description', placeholder: preset, defaultValue: preset })))
  const install = known.install ?? (await answered(confirm({ message: 'Install what it needs now?' })))
  return { name, template, description, install }
}

function wrongName(typed: string | undefined): string | undefined {
  try {
    namesOf(typed ?? '')
    return undefined
  } catch (error) {
    return PryxError.is(error) ? `${error.message}. ${error.hint}` : String(error)
  }
}

async function answered<T>(question: Promise<T>): Promise<Exclude<T, symbol>> {
  const answer = await question
  if (isCancel(answer)) throw new PryxError('CREATE_CANCELLED', 'cancelled; nothing was written', {})
  return answer as Exclude<T, symbol> // the only symbol is the one of Ctrl-C
}
