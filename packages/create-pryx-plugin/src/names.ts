// packages/create-pryx-plugin/src/names.ts: from what the author types to every name a plugin has.
import { shortName, UsageError } from '@pryx/kernel/contract'
import validate from 'validate-npm-package-name'

/** Words the kernel, its capabilities or the scheduler go by: a plugin of that name would be taken for them. */
const TAKEN = new Set(
  'approval consent env events fs hooks host http kernel net permission plugin process sandbox scheduler secrets service shell storage system task timeout tools withdrawn'.split(
    ' ',
  ),
)
const ID = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const MAX_ID = 40 // characters

export interface Names {
  /** npm's: `pryx-plugin-my-notes`, `@ada/pryx-plugin-my-notes`. */
  package: string
  /** On a host, and of its service and events: `my-notes`. */
  id: string
  /** Of types and tokens: `MyNotes`. */
  pascal: string
  /** Of values: `myNotes`. */
  camel: string
  /** Of error codes: `MY_NOTES`. */
  upper: string
}

/**
 * All names of a plugin.
 *
 * @param text `my-notes`, `pryx-plugin-my-notes` or `@ada/my-notes`.
 * @throws USAGE_NAME with what is wrong and a name that would do.
 */
export function namesOf(text: string): Names {
  const [, scope = '', bare = ''] = /^(@[^/]*\/)?(.*)$/s.exec(text.trim()) ?? []
  const id = shortName(bare)
  if (!ID.test(id) || id.length > MAX_ID)
    throw badName(text, 'lower-case letters and digits, words joined by single dashes, at most 40 characters')
  if (TAKEN.has(id)) throw badName(text, `a name that is not taken; "${id}" is a part of Pryx itself`, `my-${id}`)
  const name = `${scope}${bare === id ? `pryx-plugin-${id}` : bare}`
  const { validForNewPackages, errors = [], warnings = [] } = validate(name)
  if (!validForNewPackages) throw badName(text, `a name npm takes: ${[...errors, ...warnings].join('; ')}`)
  const words = id.split('-')
  const pascal = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
  return {
    package: name,
    id,
    pascal,
    camel: pascal[0]!.toLowerCase() + pascal.slice(1),
    upper: words.join('_').toUpperCase(),
  }
}

function badName(found: string, expected: string, suggestion = suggest(found)): UsageError {
  return new UsageError('USAGE_NAME', `"${found.slice(0, 80)}" cannot be the name of a plugin: expected ${expected}`, {
    found: found.slice(0, 80),
    expected,
    hint: `For example: ${suggestion}`,
  })
}

function suggest(text: string): string {
  const plain = text
    .replace(/^@[^/]*\//, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[-0-9]+|-+$/g, '')
    .slice(0, MAX_ID)
    .replace(/-+$/, '')
  return ID.test(plain) && !TAKEN.has(plain) ? plain : 'my-plugin'
}
