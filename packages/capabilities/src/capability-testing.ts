// packages/capabilities/src/capability-testing.ts: calls a capability as the kernel would, without a kernel: input checked, effects owned.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Capability,
  type CapabilityCall,
  createScope,
  type PluginPlace,
  type Scope,
  type ServiceCaller,
} from '@pryx/kernel/contract'

/** A folder of its own that goes away with the test. */
export function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'pryx-test-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) }
}

export function placeIn(folder: string, plugin: string): PluginPlace {
  return {
    plugin,
    workspace: join(folder, 'workspace'),
    data: join(folder, plugin),
    package: join(folder, `${plugin}-package`),
  }
}

/** What a plugin's face calls; `scope` owns what its calls leave behind. */
export function callerOf(
  capability: Capability,
  place: PluginPlace,
  scope: Scope = createScope(place.plugin),
): ServiceCaller {
  return async (method, args, options) => {
    const found = capability.methods[method]
    if (found === undefined) throw new Error(`no method ${method}`)
    const input = found.input.parse(args) as never
    const accesses = await found.access(input, place)
    for (const access of accesses) capability.parse(access, place)
    const call: CapabilityCall = {
      plugin: place.plugin,
      place,
      trace: 'test',
      signal: options?.signal ?? new AbortController().signal,
      effect: (acquire) => scope.effect(acquire),
      check: async () => {},
    }
    return found.run(input, call)
  }
}
