// packages/kernel/src/node/guest-modules.ts: modules the runtime supplies to a plugin (zod), as source of a synthetic ES module.
import type ivm from 'isolated-vm'

// Every repetition has an end: the text is a stranger's, and must not choose how long looking at it takes.
const IMPORT =
  /\bimport\s{0,20}(?:([\w$]{1,99})\s{0,20},?\s{0,20})?(?:\{([^{}]{0,20000})\}\s{0,20})?from\s{0,20}(["'])([^"'\n]{0,99})\3/g
const NAME = /^\s*([\w$]+)(?:\s+as\s+[\w$]+)?\s*$/

/** Source of a module that re-exports `names` of the namespace lying under the global `key`. Any string may be an export name. */
export function moduleSource(key: string, names: readonly string[]): string {
  const lines = names.map((name, i) =>
    name === 'default'
      ? `export default m.default`
      : `const v${i} = m[${JSON.stringify(name)}]; export { v${i} as ${JSON.stringify(name)} }`,
  )
  return `const m = globalThis.${key}\n${lines.join('\n')}`
}

/** Export names of a supplied module; undefined if the runtime does not have it. */
export function namesOf(runtime: ivm.Reference<Record<string, unknown>>, specifier: string): string[] | undefined {
  const all = runtime.getSync('moduleNames', { copy: true }) as Record<string, string[]> | undefined
  return all !== undefined && Object.hasOwn(all, specifier) ? all[specifier] : undefined
}

/**
 * Those of `names` that a bundle may import from `specifier`: an export costs a start 10 µs, and zod has 260. Read from the text
 * without understanding it, so in doubt it says too many: unless every mention of the module is a plain import, it says all.
 */
export function importedNames(code: string, specifier: string, names: readonly string[]): readonly string[] {
  const wanted = new Set<string>()
  let understood = 0
  for (const [, alone, list, , from] of code.matchAll(IMPORT)) {
    if (from !== specifier) continue
    understood++
    if (alone !== undefined) wanted.add('default')
    for (const item of list?.split(',') ?? []) {
      if (item.trim() === '') continue
      const name = NAME.exec(item)?.[1]
      if (name === undefined) return names
      wanted.add(name)
    }
  }
  const mentions = code.split(`"${specifier}"`).length + code.split(`'${specifier}'`).length - 2
  return understood > 0 && mentions === understood ? names.filter((name) => wanted.has(name)) : names
}
