// packages/kernel/src/guest/settle.ts: module namespaces without getters.

/**
 * Puts values in place of the getters by which a bundler exports: in `namespace` and in the namespaces it holds. Call it when all
 * modules have run. Each getter is a closure that every realm made anew, and zod's namespaces have a thousand.
 */
export function settleNamespace(namespace: object): void {
  for (const [name, { get, set, configurable }] of Object.entries(Object.getOwnPropertyDescriptors(namespace))) {
    if (get === undefined || set !== undefined || !configurable) continue
    const value: unknown = Reflect.get(namespace, name)
    Object.defineProperty(namespace, name, { value, writable: false, enumerable: true, configurable: false })
    if (isNamespace(value)) settleNamespace(value)
  }
}

function isNamespace(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const all = Object.values(Object.getOwnPropertyDescriptors(value))
  return all.length > 0 && all.every(({ get, enumerable }) => get !== undefined && enumerable === true)
}
