// packages/sdk/src/testing/fakes.ts: capabilities (and services of other plugins) played by the test.
//   F1  A fake is judged like the real thing: undeclared is refused, not granted is asked. What it names is read from the arguments
//       where that is plain (net, secrets, env); else a call needs all that the manifest declares of the capability.
//   F2  A fake of a service that the manifest requires is not judged: the consumer's right to it is not what is tested.
//   F3  With a real driver of the same name, its grammar, checks and schemas stay; only the act itself is the fake's.
import {
  type Capability,
  type CapabilityCall,
  type CapabilityMethod,
  type Manifest,
  type PluginId,
  splitPermission,
  UsageError,
} from '@pryx/kernel/contract'
import { z } from 'zod'
import type { MemoryHttp } from './memory-http.ts'
import { createMemoryStorage } from './memory-storage.ts'

type FakeMethods = Record<string, (...args: never[]) => unknown>

/** What the test answers, by capability and method. Arguments and results are those of the wire; `net.fetch` takes and answers web types. */
export interface Fakes {
  net?: { fetch(request: Request): Response | Promise<Response> }
  [capability: string]: FakeMethods | undefined
}

const anything = z.array(z.unknown())

/** Every capability that the manifests speak of: real ones with fakes laid over them, fakes, memory, or a stub that says what is missing. */
export function createCapabilities(
  manifests: readonly Manifest[],
  real: readonly Capability[],
  fakes: Fakes,
  web: MemoryHttp,
): Capability[] {
  const services = new Set(
    manifests.flatMap(({ requires, optional }) => [...Object.keys(requires), ...Object.keys(optional)]),
  )
  const names = new Set([...real.map(({ name }) => name), ...Object.keys(fakes), ...manifests.flatMap(capabilitiesOf)])
  return [...names].map((name) => {
    const driver = real.find((capability) => capability.name === name)
    const methods = webTyped(name, fakes[name] ?? {})
    if (driver) return overlaid(driver, methods)
    if (name === 'http') return overlaid(web.capability, methods)
    const rests = services.has(name) ? () => [] : (args: readonly unknown[]) => restsOf(name, args, manifests)
    return name === 'storage' ? memoryStorage(methods, rests) : fake(name, methods, rests)
  })
}

const KERNELS_OWN = new Set(['service', 'events', 'hooks', 'tools', 'kernel'])

function capabilitiesOf({ permissions, optionalPermissions }: Manifest): string[] {
  return [...permissions, ...optionalPermissions]
    .map((permission) => splitPermission(permission).capability)
    .filter((name) => !KERNELS_OWN.has(name))
}

/** F3 */
function overlaid(driver: Capability, fakes: FakeMethods): Capability {
  const methods = { ...driver.methods }
  for (const [name, act] of Object.entries(fakes)) {
    const method = methods[name] ?? defaultMethod(() => [''])
    methods[name] = Object.assign(Object.create(method) as object, {
      run: runOf(act),
    }) as unknown as CapabilityMethod<never>
  }
  return Object.assign(Object.create(driver) as Capability, { methods })
}

function fake(name: string, acts: FakeMethods, rests: (args: readonly unknown[]) => string[]): Capability {
  const methods = Object.fromEntries(
    Object.entries(acts).map(([method, act]) => [method, { ...defaultMethod(rests), run: runOf(act) }]),
  )
  return {
    name,
    version: '1.0.0',
    summary: `${name}, played by the test`,
    parse: (rest) => rest,
    covers: coversText,
    consent: (rest) => ({ text: `use ${name} ${rest}`.trimEnd(), risk: 'low', traits: [] }),
    methods: explaining(name, methods),
  }
}

function memoryStorage(overrides: FakeMethods, rests: (args: readonly unknown[]) => string[]): Capability {
  const stores = new Map<PluginId, ReturnType<typeof createMemoryStorage>>()
  const act =
    (method: string) =>
    (args: never[], { plugin }: CapabilityCall) =>
      storeOf(plugin)[method]?.(...args)
  const names = Object.keys(createMemoryStorage())
  const methods = Object.fromEntries(
    names.map((name) => [
      name,
      { ...defaultMethod(rests), run: async (args: never[], call: CapabilityCall) => act(name)(args, call) },
    ]),
  )
  const played = fake('storage', overrides, rests)
  return {
    ...played,
    methods: { ...(methods as unknown as Capability['methods']), ...played.methods },
    async [Symbol.asyncDispose]() {
      for (const store of stores.values()) store[Symbol.dispose]()
    },
  }

  function storeOf(plugin: PluginId): ReturnType<typeof createMemoryStorage> {
    const store = stores.get(plugin) ?? createMemoryStorage()
    stores.set(plugin, store)
    return store
  }
}

function defaultMethod(rests: (args: readonly unknown[]) => string[]): CapabilityMethod<never> {
  return { input: anything, access: rests, run: async () => undefined } as unknown as CapabilityMethod<never>
}

function runOf(act: (...args: never[]) => unknown): CapabilityMethod<never[]>['run'] {
  return async (args) => act(...(args as never[]))
}

/** F1 */
function restsOf(capability: string, args: readonly unknown[], manifests: readonly Manifest[]): string[] {
  const [first] = args
  if (capability === 'net') return [hostOf((first as { url?: unknown } | undefined)?.url)]
  if ((capability === 'secrets' || capability === 'env') && typeof first === 'string') return [first]
  const rests = manifests.flatMap(({ permissions, optionalPermissions }) =>
    [...permissions, ...optionalPermissions].map(splitPermission).filter((one) => one.capability === capability),
  )
  return rests.length > 0 ? [...new Set(rests.map(({ rest }) => rest))] : ['']
}

function hostOf(url: unknown): string {
  if (typeof url !== 'string' || !URL.canParse(url)) return ''
  const { hostname, port, protocol } = new URL(url)
  if (port !== '') return `${hostname}:${port}`
  return protocol === 'http:' ? `${hostname}:80` : hostname
}

/** `*`, `any`, `telegram.*`, `*.example.com`; anything else covers itself. */
function coversText(granted: string, wanted: string): boolean {
  if (granted === wanted || granted === '*' || granted === 'any') return true
  if (granted.startsWith('*.')) return wanted.endsWith(granted.slice(1))
  return granted.endsWith('.*') && wanted.startsWith(granted.slice(0, -1))
}

/** Web types for the test's `fetch`, wire types for the plugin's end. */
function webTyped(capability: string, methods: FakeMethods): FakeMethods {
  const { fetch, ...rest } = methods as NonNullable<Fakes['net']>
  if (capability !== 'net' || fetch === undefined) return methods
  return {
    ...rest,
    fetch: async (wire: { url: string } & RequestInit) => wireResponse(wire.url, await fetch(requestOf(wire))),
  }
}

function requestOf({ url, method, headers, body, redirect }: { url: string } & RequestInit): Request {
  const init = { method, headers, redirect, ...(body != null && { body, duplex: 'half' }) }
  return new Request(url, Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined)))
}

function wireResponse(url: string, response: Response): unknown {
  const { status, statusText, headers, redirected, body } = response
  return { status, statusText, headers: [...headers], url, redirected, ...(body && { body }) }
}

/** Methods nobody plays reject with the line to write, instead of "unknown method". */
function explaining(capability: string, methods: Record<string, unknown>): Capability['methods'] {
  const known = (key: PropertyKey) => typeof key !== 'string' || key in methods
  const missing = (method: string) => ({
    ...defaultMethod(() => []),
    run: async () => {
      throw new UsageError(
        'HARNESS_NO_FAKE',
        `the plugin called ${capability}.${method}, and the test plays no such thing`,
        {
          hint: `Give the harness fake: { ${capability}: { ${method}: async () => … } }, or a real driver in capabilities.`,
        },
      )
    },
  })
  return new Proxy(methods, {
    get: (target, key) => (known(key) ? Reflect.get(target, key) : missing(String(key))),
    getOwnPropertyDescriptor: (target, key) =>
      known(key)
        ? Reflect.getOwnPropertyDescriptor(target, key)
        : { value: missing(String(key)), configurable: true, enumerable: false, writable: true },
  }) as Capability['methods']
}
