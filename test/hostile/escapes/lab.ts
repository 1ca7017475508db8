// test/hostile/escapes/lab.ts: a capability that writes down whom it served and with what, and can be handed functions and streams.
import { z } from 'zod'
import { type Capability, type CapabilityCall, defineMethod } from '../../../packages/kernel/src/contract/index.ts'

export interface LabCall {
  plugin: string
  method: string
  what: string
  args: unknown
}

export interface Lab extends Capability {
  /** All calls that were executed, in order. */
  readonly calls: LabCall[]
  /** For tests of the watches: harm done in the host's own name. */
  harm: (() => unknown) | undefined
  /** The last function a guest lent it. */
  lent: ((...args: unknown[]) => Promise<unknown>) | undefined
}

export function createLab(): Lab {
  const calls: LabCall[] = []
  const input = z.tuple([z.string()]).rest(z.unknown())
  const access = ([what]: readonly [string, ...unknown[]]) => [what]
  const note = (method: string, [what, ...args]: readonly [string, ...unknown[]], { plugin }: CapabilityCall) =>
    void calls.push({ plugin, method, what, args })
  const lab: Lab = {
    name: 'lab',
    version: '1.0.0',
    summary: 'For tests',
    parse: (rest) => rest,
    covers: (granted, wanted) => granted === wanted,
    consent: (rest) => ({ text: `use ${rest}`, risk: 'low', traits: [] }),
    calls,
    harm: undefined,
    lent: undefined,
    methods: {
      act: defineMethod<[string, ...unknown[]]>({
        input,
        access,
        async run(args, call) {
          note('act', args, call)
          return lab.harm ? await lab.harm() : args.slice(1)
        },
      }),
      /** Calls the function it is handed, at once, and answers what it answers. */
      lend: defineMethod<[string, ...unknown[]]>({
        input,
        access,
        async run(args, call) {
          note('lend', args, call)
          lab.lent = args[1] as Lab['lent']
          return (await lab.lent?.('asked')) ?? 'nothing'
        },
      }),
      /** Reads the stream it is handed to its end. */
      read: defineMethod<[string, ...unknown[]]>({
        input,
        access,
        async run(args, call) {
          note('read', args, call)
          const chunks: unknown[] = []
          for await (const chunk of args[1] as ReadableStream) chunks.push(chunk)
          return chunks
        },
      }),
    },
  }
  return lab
}
