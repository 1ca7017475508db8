// test/model/lab.ts: a driver that does all a driver may do, and some that misbehave; it keeps its own log of what was executed.
import { z } from 'zod'
import { type Capability, type CapabilityCall, defineMethod } from '../../packages/kernel/src/contract/index.ts'

/** Something the driver has open for a call. */
export interface Open {
  token: string
  what: 'call' | 'stream' | 'watch' | 'reader'
}

export interface Lab extends Capability {
  readonly open: Set<Open>
  /** Streams bring a chunk, watchers call back; those of rude drivers also when they were told to stop. */
  tick(): void
  /** Ends what hangs. */
  finish(): void
  /** Tokens of calls that were executed. */
  readonly executed: string[]
}

export interface LabEvents {
  /** The kernel lets a call through to the driver. */
  onRun(call: CapabilityCall, permission: string, token: string): void
  finding(text: string): void
}

type Fn = (...args: unknown[]) => Promise<unknown>
const token = z.string()
const what = z.string()
const access = ([rest]: readonly [string, ...unknown[]]) => [rest]

export function createLab({ onRun, finding }: LabEvents): Lab {
  const open = new Set<Open>()
  const executed: string[] = []
  const ticks = new Map<object, () => void>()
  const hanging = new Set<() => void>()
  return {
    name: 'lab',
    version: '1.0.0',
    summary: 'For tests',
    parse: (rest) => rest,
    covers: (granted, wanted) => granted === '*' || granted === wanted,
    consent: (rest) => ({ text: `act on ${rest}`, risk: 'low', traits: [] }),
    open,
    executed,
    tick: () => {
      for (const tick of [...ticks.values()]) tick()
    },
    finish: () => {
      for (const go of [...hanging]) go()
    },
    methods: {
      act: defineMethod<[string, string]>({
        input: z.tuple([what, token]),
        access,
        async run([rest, token], call) {
          begin(call, rest, token)
          return token
        },
      }),
      /** Names are resolved first, as the file system's are. */
      slow: defineMethod<[string, string]>({
        input: z.tuple([what, token]),
        access: async ([rest]) => [rest],
        async run([rest, token], call) {
          begin(call, rest, token)
          return token
        },
      }),
      hang: defineMethod<[string, string]>({
        input: z.tuple([what, token]),
        access,
        timeoutMs: 0,
        run([rest, token], call) {
          begin(call, rest, token)
          const entry: Open = { token, what: 'call' }
          open.add(entry)
          return new Promise((resolve, reject) => {
            const done = (settle: () => void) => {
              open.delete(entry)
              hanging.delete(go)
              settle()
            }
            const go = () => done(() => resolve(token))
            hanging.add(go)
            call.signal.addEventListener('abort', () => done(() => reject(call.signal.reason)))
          })
        },
      }),
      /** Does not look at its signal, and answers with a stream when nobody waits any more. */
      rude: defineMethod<[string, string]>({
        input: z.tuple([what, token]),
        access,
        timeoutMs: 0,
        run([rest, token], call) {
          begin(call, rest, token)
          return new Promise((resolve) => {
            const go = () => {
              hanging.delete(go)
              if (!call.signal.aborted) return resolve({ deep: [streamFor(token)] })
              try {
                call.effect(() => {
                  finding('an effect began after its call had ended')
                  return () => {}
                })
              } catch {}
              resolve({ deep: [streamFor(token)] })
            }
            hanging.add(go)
          })
        },
      }),
      stream: defineMethod<[string, string]>({
        input: z.tuple([what, token]),
        access,
        async run([rest, token], call) {
          begin(call, rest, token)
          return streamFor(token)
        },
      }),
      /** Reads a stream of the guest to its end, and keeps on when nobody waits for it. */
      take: defineMethod<[string, string, ReadableStream]>({
        input: z.tuple([what, token, z.instanceof(ReadableStream)]),
        access,
        timeoutMs: 0,
        async run([rest, token, stream], call) {
          begin(call, rest, token)
          const entry: Open = { token, what: 'reader' }
          open.add(entry)
          try {
            for await (const _chunk of stream);
          } finally {
            open.delete(entry)
          }
        },
      }),
      /** Calls back until its effect is released. */
      watch: defineMethod<[string, string, Fn]>({
        input: z.tuple([what, token, z.custom<Fn>((value) => typeof value === 'function')]),
        access,
        async run([rest, token, fn], call) {
          begin(call, rest, token)
          const entry: Open = { token, what: 'watch' }
          call.effect(() => {
            open.add(entry)
            ticks.set(entry, () => void fn('tick').catch(() => {}))
            return () => {
              open.delete(entry)
              ticks.delete(entry)
            }
          })
        },
      }),
      /** Calls back for ever, though it keeps nothing. */
      pester: defineMethod<[string, string, Fn]>({
        input: z.tuple([what, token, z.custom<Fn>((value) => typeof value === 'function')]),
        access,
        async run([rest, token, fn], call) {
          begin(call, rest, token)
          ticks.set({}, () => void fn('tick').catch(() => {}))
          call.effect(() => () => {})
        },
      }),
    },
  }

  function begin(call: CapabilityCall, rest: string, token: string): void {
    if (call.signal.aborted) finding(`${token} was executed after its call had ended`)
    executed.push(token)
    onRun(call, `lab:${rest}`, token)
  }

  function streamFor(token: string): ReadableStream {
    const entry: Open = { token, what: 'stream' }
    const end = () => {
      open.delete(entry)
      ticks.delete(entry)
    }
    open.add(entry)
    return new ReadableStream(
      {
        start(controller) {
          ticks.set(entry, () => (controller.desiredSize ?? 0) > 0 && controller.enqueue('chunk'))
        },
        cancel: end,
      },
      { highWaterMark: 2 },
    )
  }
}
