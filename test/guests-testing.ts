// test/guests-testing.ts: guests that several tests of the whole system share.
import { defineService } from '../packages/kernel/src/contract/index.ts'

/** A plugin that does what the test says, with the powers of its own manifest. */
export interface Hand {
  /** Calls a method of a service or capability; answers what it answered or the code it was refused with. */
  call(
    service: string,
    method: string,
    ...args: unknown[]
  ): Promise<{ value?: unknown; code?: string; message?: string }>
  /** Starts reading the stream a method answers; `told` says how far it came. */
  read(service: string, method: string, ...args: unknown[]): Promise<void>
  /** Hands a function to a method that calls it back. */
  watch(service: string, method: string, ...args: unknown[]): Promise<void>
  emit(name: string, data: unknown): Promise<{ code?: string }>
  /** What streams and watchers have brought so far, and how they ended. */
  told(): Promise<{ chunks: number; calls: number; ended: string | undefined }>
}
export const Hand = defineService<Hand>('hand', '1.0.0')

export const handSource = `
const told = { chunks: 0, calls: 0, ended: undefined }
export default { activate(ctx) {
  const use = (name) => ctx.use({ kind: 'service', name, version: '1.0.0' })
  const outcome = async (work) => { try { return { value: await work() } } catch (error) { return { code: error.code ?? error.name, message: error.message } } }
  ctx.provide({ kind: 'service', name: 'hand', version: '1.0.0' }, {
    call: (service, method, ...args) => outcome(async () => (await use(service))[method](...args)),
    async read(service, method, ...args) {
      const reader = (await (await use(service))[method](...args)).getReader()
      const next = async () => { for (;;) { const { done } = await reader.read(); if (done) return 'done'; told.chunks++ } }
      next().catch((error) => error.code ?? error.name).then((how) => { told.ended = how })
    },
    async watch(service, method, ...args) { await (await use(service))[method](...args, () => { told.calls++ }) },
    emit: (name, data) => outcome(() => ctx.emit({ kind: 'event', name, schema: { parse: (x) => x } }, data)),
    told: () => told,
  })
} }`
