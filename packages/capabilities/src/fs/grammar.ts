// packages/capabilities/src/fs/grammar.ts: the permissions `fs:read:PATTERN` and `fs:write:PATTERN` (K4).
//   `${workspace}`, `${data}`, `${package}` or `~` may begin a pattern; else it is absolute. `/**` at its end means the folder
//   and all below it; `*` stands for any text within one segment. Reading and writing are apart: neither implies the other.
//   P1  A normal form is absolute, without `.`, `..`, empty segments or variables. It says what real path it means: links are
//       resolved before anything is judged.
//   P2  A star in a path that is asked for is an ordinary sign that only a star can match, so covering is inclusion.
import { isAbsolute } from 'node:path'
import { type Consent, ManifestError, type PluginPlace } from '@pryx/kernel/contract'

export type Verb = 'read' | 'write'

const TREE = '/**'
const VARIABLE = /^(?:\$\{(workspace|data|package)\}|(~))(?=\/|$)/
const PRIVATE_PLACES =
  /(^|\/)\.(ssh|gnupg|aws|kube|docker|netrc|config|mozilla|password-store|bash_history|zsh_history)(\/|$)/

/** The normal form, `VERB:/absolute/pattern`. @throws MANIFEST_INVALID. */
export function parseFs(rest: string, place: PluginPlace, home: string): string {
  const { verb, pattern } = splitVerb(rest)
  if (verb === undefined) throw invalid(rest, 'begins with neither read: nor write:')
  if (verb === 'write' && pattern.startsWith('${package}'))
    throw invalid(rest, 'writes into the package, which is read-only')
  const filled = expand(pattern, place, home)
  if (!isAbsolute(filled)) throw invalid(rest, 'is not an absolute path')
  const segments = filled.split('/').slice(1)
  if (segments.length > 1 && segments.at(-1) === '') segments.pop()
  for (const [i, segment] of segments.entries()) {
    if (segment === '' ? segments.length > 1 : segment === '.' || segment === '..' || hasControl(segment))
      throw invalid(rest, 'is not a plain path')
    const last = segment === '**' && i === segments.length - 1
    if (segment.includes('**') && !last) throw invalid(rest, 'has ** elsewhere than at its end')
  }
  return `${verb}:/${segments.join('/')}`
}

/** True if `granted` allows `wanted`; both in normal form. */
export function coversFs(granted: string, wanted: string): boolean {
  const own = splitVerb(granted)
  const want = splitVerb(wanted)
  return own.verb === want.verb && coversPattern(own.pattern, want.pattern)
}

export function fsConsent(rest: string, place?: Pick<PluginPlace, 'workspace'>): Consent {
  const { verb, pattern } = splitVerb(rest)
  const tree = pattern.endsWith(TREE)
  const path = tree ? pattern.slice(0, -TREE.length) || '/' : pattern
  const what = tree ? `everything below ${path}` : pattern.includes('*') ? `files that match ${path}` : path
  const wide = tree && path.split('/').filter(Boolean).length <= 2 && path !== place?.workspace
  const delicate = PRIVATE_PLACES.test(path) || /^\/(etc|root|boot|usr|bin|lib|var\/lib)(\/|$)/.test(path)
  if (verb === 'read')
    return { text: `read ${what}`, risk: wide || delicate ? 'high' : 'medium', traits: ['reads-private'] }
  return {
    text: `change and delete ${what}`,
    risk: wide || delicate ? 'high' : 'medium',
    traits: delicate || wide ? ['runs-code'] : [],
  }
}

/** Fills in a variable at the beginning. Nothing else in `text` is touched. */
export function expand(text: string, place: PluginPlace, home: string): string {
  return text.replace(VARIABLE, (_match, name: 'workspace' | 'data' | 'package' | undefined) =>
    name === undefined ? home : place[name],
  )
}

export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

function coversPattern(own: string, want: string): boolean {
  if (!own.endsWith(TREE)) return !want.endsWith(TREE) && coversSegments(segmentsOf(own), segmentsOf(want))
  const base = segmentsOf(own.slice(0, -TREE.length))
  const asked = segmentsOf(want.endsWith(TREE) ? want.slice(0, -TREE.length) : want)
  return asked.length >= base.length && coversSegments(base, asked.slice(0, base.length))
}

function coversSegments(own: string[], want: string[]): boolean {
  return own.length === want.length && own.every((segment, i) => matches(segment, want[i] as string))
}

/** Glob matching with `*` alone, in linear time per star: greedy, with the last star as the only place to go back to. */
function matches(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let from = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      from = t
    } else if (pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++from
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter(Boolean)
}

function splitVerb(rest: string): { verb: Verb | undefined; pattern: string } {
  const [, verb, pattern = ''] = /^(read|write):(.*)$/s.exec(rest) ?? []
  return { verb: verb as Verb | undefined, pattern }
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 32) return true
  return false
}

function invalid(rest: string, why: string): ManifestError {
  return new ManifestError('MANIFEST_INVALID', `"fs:${rest.slice(0, 120)}" ${why}`, {
    found: `fs:${rest.slice(0, 120)}`,
    expected: 'fs:read:PATTERN or fs:write:PATTERN, such as fs:read:${workspace}/** or fs:write:${data}/report.txt',
    hint: 'Begin with ${workspace}, ${data}, ${package}, ~ or /. Use /** at the end for a folder with all below it.',
  })
}
