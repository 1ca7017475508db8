// packages/kernel/src/node/guest-modules.ts: modules the runtime supplies to a plugin (zod), as source of a synthetic ES module.
import type ivm from 'isolated-vm'

export type Clip = { code: string; message: string; used: number; max: number; strike: boolean }

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
