// packages/pryx/src/registry/source.ts: where a plugin comes from, as it stands in pryx.json and as a user types it.
//   npm:NAME, npm:NAME@RANGE, npm:NAME@TAG   installed from the registry, locked, from the store
//   file:PATH                                installed from a tarball or a copy of a folder, locked, from the store
//   PATH                                     the folder itself, as it is now; for plugins one works on
import { isAbsolute, relative, resolve } from 'node:path'
import { UsageError } from '@pryx/kernel/contract'
import semver from 'semver'

export type Source =
  | { kind: 'npm'; name: string; want: Want }
  | { kind: 'file'; path: string }
  | { kind: 'live'; path: string }

/** What of a package is wanted. `any`: the user named nothing, so it moves only when it is asked to by name (K10). */
export type Want =
  | { kind: 'any' }
  | { kind: 'version'; version: string }
  | { kind: 'range'; range: string }
  | { kind: 'tag'; tag: string }

const NAME = /^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/
const TAG = /^[a-z][\w.-]{0,63}$/i

/** The `source` of an entry in pryx.json. @throws SOURCE_INVALID */
export function parseSource(text: string): Source {
  if (text.startsWith('npm:')) return parseNpm(text.slice(4), text)
  if (text.startsWith('file:')) return { kind: 'file', path: text.slice(5) }
  return { kind: 'live', path: text }
}

export function isInstalled(text: string): boolean {
  return text.startsWith('npm:') || text.startsWith('file:')
}

export function sourceText(source: Source): string {
  if (source.kind === 'live') return source.path
  if (source.kind === 'file') return `file:${source.path}`
  const { want, name } = source
  const suffix =
    want.kind === 'any'
      ? ''
      : `@${want.kind === 'version' ? want.version : want.kind === 'range' ? want.range : want.tag}`
  return `npm:${name}${suffix}`
}

/**
 * What a user typed after `pryx add`. A path begins with `.`, `/` or `~`, or ends with .tgz; all else is a package's name.
 *
 * @param folder Of pryx.json: paths are kept relative to it.
 * @throws SOURCE_INVALID
 */
export function parseRequest(text: string, cwd: string, folder: string): Exclude<Source, { kind: 'live' }> {
  if (text.startsWith('npm:')) return parseNpm(text.slice(4), text)
  const path = text.startsWith('file:') ? text.slice(5) : text
  if (
    text.startsWith('file:') ||
    /^\.{0,2}[/\\]|^\.{1,2}$|^[a-z]:[/\\]/i.test(path) ||
    /\.(tgz|tar\.gz)$/i.test(path)
  ) {
    const absolute = resolve(cwd, path)
    const near = relative(folder, absolute)
    return {
      kind: 'file',
      path: near.startsWith('..') || isAbsolute(near) ? absolute : `./${near.replaceAll('\\', '/')}`,
    }
  }
  return parseNpm(text, text)
}

function parseNpm(spec: string, text: string): Extract<Source, { kind: 'npm' }> {
  const at = spec.indexOf('@', 1)
  const name = at < 0 ? spec : spec.slice(0, at)
  if (!NAME.test(name) || name.length > 214)
    throw invalid(text, 'the name of an npm package, such as pryx-plugin-weather')
  return { kind: 'npm', name, want: at < 0 ? { kind: 'any' } : parseWant(spec.slice(at + 1), text) }
}

function parseWant(text: string, whole: string): Want {
  const version = semver.valid(text)
  if (version !== null) return { kind: 'version', version }
  if (text !== '' && semver.validRange(text) !== null) return { kind: 'range', range: text }
  if (TAG.test(text)) return { kind: 'tag', tag: text }
  throw invalid(whole, 'a version, a range such as ^1.2.0 or a tag after the @')
}

function invalid(text: string, expected: string): UsageError {
  return new UsageError('USAGE_SOURCE', `"${text.slice(0, 120)}" is not a plugin one can fetch`, {
    found: text.slice(0, 120),
    expected,
    hint: 'Name a package (NAME, NAME@RANGE, NAME@TAG), a folder (./FOLDER) or a tarball (./FILE.tgz).',
  })
}
