// packages/pryx/src/store/folder.ts: the files of a plugin's folder that belong to its package, for `pryx add ./folder`.
//   What `files` of package.json names, as npm means it; without it all but what never belongs. Links are refused, not followed.
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, matchesGlob, relative, sep } from 'node:path'
import { createFileBook, type PackageFiles, unsafe } from './files.ts'

const ALWAYS = /^(package\.json|readme(\.\w+)?|licen[cs]e(\.\w+)?|changelog(\.\w+)?)$/i
const NEVER = new Set(['node_modules', '.git', '.pryx', '.npmrc', '.env', 'pryx.lock.json'])

/** @param entry The plugin's one file of code, from its manifest: it belongs, as does its source map. @throws PACKAGE_UNSAFE, PACKAGE_TOO_LARGE */
export function readFolder(folder: string, { entry, files }: { entry: string; files?: unknown }): PackageFiles {
  const book = createFileBook(folder)
  const patterns = Array.isArray(files) ? files.filter((one) => typeof one === 'string').map(pattern) : undefined
  const main = entry.replace(/^\.\//, '')
  const belongs = (path: string) =>
    ALWAYS.test(path) ||
    path === main ||
    path === `${main}.map` ||
    patterns === undefined ||
    patterns.some((one) => path === one || path.startsWith(`${one}/`) || matchesGlob(path, one))
  walk(folder)
  return book.files

  function walk(at: string): void {
    for (const { name } of readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = join(at, name)
      const path = relative(folder, file).split(sep).join('/')
      if (NEVER.has(name)) continue
      const stat = lstatSync(file)
      if (stat.isDirectory()) {
        if (!name.startsWith('.')) walk(file)
      } else if (belongs(path)) {
        if (!stat.isFile()) throw unsafe(folder, path, stat.isSymbolicLink() ? 'is a symbolic link' : 'is not a file')
        book.add(path, readFileSync(file))
      }
    }
  }
}

function pattern(text: string): string {
  return text.replace(/^\.?\//, '').replace(/\/(\*\*?)?$/, '')
}
