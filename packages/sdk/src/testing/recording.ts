// packages/sdk/src/testing/recording.ts: writes down what reaches a capability, and what its calls leave behind.
//   R1  A call is recorded as it runs: one that was refused never gets here (it is in the audit log).
//   R2  Every effect a call acquires is counted until it is released, whoever releases it.
import type { Capability, CapabilityCall, CapabilityMethod, PluginId } from '@pryx/kernel/contract'

/** A call that was allowed and ran. */
export interface RecordedCall {
  readonly plugin: PluginId
  readonly capability: string
  readonly method: string
  /** After validation, as the driver got them. */
  readonly args: readonly unknown[]
}

export interface Recorder {
  readonly calls: RecordedCall[]
  /** Effects that nobody has released: `fs.watch` … */
  effects(): string[]
  /** The capability, with its calls written down. */
  record(capability: Capability): Capability
}

type Method = CapabilityMethod<readonly unknown[]>

export function createRecorder(): Recorder {
  const calls: RecordedCall[] = []
  const open = new Set<{ act: string }>()
  return { calls, effects: () => [...open].map(({ act }) => act), record }

  function record(capability: Capability): Capability {
    return Object.assign(Object.create(capability) as Capability, { methods: recordedMethods(capability) })
  }

  /** A view, not a copy: which methods there are is the driver's to say. */
  function recordedMethods({ name, methods }: Capability): Capability['methods'] {
    return new Proxy({} as Record<string, CapabilityMethod<never>>, {
      get: (_, key) =>
        typeof key === 'string' && Object.hasOwn(methods, key)
          ? recorded(name, key, methods[key] as unknown as Method)
          : undefined,
      has: (_, key) => Object.hasOwn(methods, key),
      ownKeys: () => Reflect.ownKeys(methods),
      getOwnPropertyDescriptor(_, key) {
        const found = Reflect.getOwnPropertyDescriptor(methods, key)
        return found && { ...found, configurable: true, writable: true }
      },
    })
  }

  function recorded(capability: string, name: string, method: Method): CapabilityMethod<never> {
    const run: Method['run'] = (input, call) => {
      calls.push({ plugin: call.plugin, capability, method: name, args: input })
      return method.run(input, counting(call, `${capability}.${name}`))
    }
    return Object.assign(Object.create(method) as object, { run }) as unknown as CapabilityMethod<never>
  }

  /** R2 */
  function counting(call: CapabilityCall, act: string): CapabilityCall {
    const effect: CapabilityCall['effect'] = (acquire) =>
      call.effect(() => {
        const release = acquire()
        const entry = { act }
        open.add(entry)
        return () => {
          open.delete(entry)
          return release()
        }
      })
    return Object.create(call, { effect: { value: effect } }) as CapabilityCall
  }
}
