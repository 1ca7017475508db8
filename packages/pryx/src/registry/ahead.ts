// packages/pryx/src/registry/ahead.ts: asks a registry for what an install needs first, while the rest of the program is still being loaded.
//   H1  It asks nothing that would not be asked anyway, and hands each answer out once: who asks again gets a new one.
//   H2  It ends with its owner: a question that nobody came back for is called off.
import { createRegistry, type Registry } from './registry.ts'
import { readSettings } from './settings.ts'
import { parseRequest } from './source.ts'

export interface Ahead extends Disposable {
  readonly registry: Registry
}

/** Asks for the first package that `specs` name, if they name one. @throws USAGE_REGISTRY, USAGE_SOURCE */
export function askAhead(
  specs: readonly string[],
  choice: { registry?: string | undefined },
  { settings = readSettings(choice), registry = createRegistry({ settings }) } = {},
): Ahead {
  const stop = new AbortController()
  const sources = specs.map((spec) => parseRequest(spec, process.cwd(), process.cwd()))
  const first = sources.find((source) => source.kind === 'npm')
  const address = first && settings.registryOf(first.name)
  const documents = once(first?.name, (name) => registry.document(name, stop.signal))
  const keys = once(address, (registryUrl) => registry.keys(registryUrl, stop.signal))
  return {
    registry: {
      ...registry,
      document: (name, signal) => documents(name, signal) ?? registry.document(name, signal),
      keys: (registryUrl, signal) => keys(registryUrl, signal) ?? registry.keys(registryUrl, signal),
    },
    [Symbol.dispose]: () => stop.abort(), // H2
  }

  /** H1 */
  function once<T>(key: string | undefined, ask: (key: string) => Promise<T>) {
    let asked = key === undefined ? undefined : ask(key)
    asked?.catch(() => {}) // told to whoever comes for it
    return (wanted: string, signal?: AbortSignal): Promise<T> | undefined => {
      const answer = wanted === key ? asked : undefined
      if (answer === undefined) return undefined
      asked = undefined
      signal?.addEventListener('abort', () => stop.abort(signal.reason), { once: true })
      return answer
    }
  }
}
