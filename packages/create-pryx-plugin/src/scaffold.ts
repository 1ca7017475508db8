// packages/create-pryx-plugin/src/scaffold.ts: writes a template out under the author's names.
//   F1  Nothing that is there is ever written over: the folder is empty (but for .git) or new, and every file is made, never replaced.
//   F2  A template is used as it stands but for its names: what is tested here is what the author gets.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { UsageError } from '@pryx/kernel/contract'
import type { Names } from './names.ts'
import type { Template } from './templates.ts'

const HARMLESS = new Set(['.git', '.DS_Store'])

export interface Plan {
  /** Absolute. */
  folder: string
  template: Template
  names: Names
  description: string
  author: string
  year: number
}

/**
 * Writes the plugin; answers the paths of its files, sorted.
 *
 * @param templates Folder of all templates.
 * @throws USAGE_FOLDER if the folder holds anything, with what it holds.
 */
export function scaffold(plan: Plan, templates: string): string[] {
  refuseFilled(plan.folder)
  const files = new Map([
    ...filesOf(join(templates, 'shared')),
    ...filesOf(join(templates, plan.template)), // may bring its own instead of a shared one
  ])
  for (const [path, source] of files) {
    const file = join(plan.folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, filledIn(path, readFileSync(source, 'utf8'), plan), { flag: 'wx' }) // F1
  }
  return [...files.keys()].sort()
}

/** F1 */
export function refuseFilled(folder: string): void {
  const found = namesIn(folder).filter((name) => !HARMLESS.has(name))
  if (found.length === 0) return
  const shown = found.slice(0, 5).join(', ')
  throw new UsageError('USAGE_FOLDER', `${folder} is not empty: it has ${shown}${found.length > 5 ? ' …' : ''}`, {
    file: folder,
    found: found.slice(0, 20),
    hint: 'Name a folder that is new or empty; nothing was written.',
  })
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    throw new UsageError('USAGE_FOLDER', `${folder} cannot be used: ${code === 'ENOTDIR' ? 'it is a file' : code}`, {
      file: folder,
      cause,
      hint: 'Name another folder.',
    })
  }
}

/** Path in the plugin → file of the template. npm drops dotfiles from packages, so they lie there with an underscore. */
function filesOf(root: string): Map<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/(^|[\\/])(node_modules|dist)[\\/]/.test(relative(root, file))) // it may itself lie below node_modules
  return new Map(
    entries.map((file) => [
      relative(root, file)
        .replaceAll('\\', '/')
        .replace(/(^|\/)_(?=git)/g, '$1.'),
      file,
    ]),
  )
}

/** F2 */
function filledIn(path: string, text: string, { names, description, author, year }: Plan): string {
  const named = text
    .replaceAll('pryx-plugin-sample', names.package)
    .replaceAll('sampleEvents', `${names.camel}Events`)
    .replace(/\bSAMPLE(?=_)/g, names.upper)
    .replace(/\bSample\b/g, names.pascal)
    .replace(/\bsample\b/g, names.id)
    .replaceAll('__description__', description.replace(/[.\s]+$/, ''))
    .replaceAll('__author__', author)
    .replaceAll('__year__', String(year))
  if (path !== 'package.json') return named
  return `${JSON.stringify({ ...(JSON.parse(named) as object), description }, null, 2)}\n`
}
