// packages/kernel/src/node/guest-crypto.ts: cryptography for a guest, done outside its isolate.
//   G1  At most MAX_RUNNING operations of one guest are under way: they cannot be interrupted, and their threads are shared.
//   G2  What waits is bounded, and goes with the guest.
import { runCrypto } from '../guest/web/crypto-host.ts'

const MAX_RUNNING = 2 // half the threads the process has for them
const MAX_WAITING = 1_000
const MAX_RANDOM_BYTES = 65_536

/** OpenSSL costs a process 3 MB: loaded when the first plugin asks for it. */
const openssl = () => process.getBuiltinModule('node:crypto')

export interface GuestCrypto {
  /** Answers later, by the callback. Arguments come from the guest and are untrusted. */
  call(id: unknown, operation: unknown, parameters: unknown, ...data: unknown[]): void
  end(): void
}

export function createCrypto(answer: (message: Record<string, unknown>, data?: Uint8Array) => void): GuestCrypto {
  const waiting: (() => Promise<void>)[] = []
  let running = 0
  let ended = false
  return {
    call(id, operation, parameters, ...data) {
      if (waiting.length >= MAX_WAITING) return refuse(Number(id)) // G2
      const bytes = data.filter((item): item is Uint8Array => item instanceof Uint8Array)
      waiting.push(() => run(Number(id), String(operation), String(parameters), bytes))
      next()
    },
    end() {
      ended = true
      waiting.length = 0
    },
  }

  function refuse(id: number): void {
    answer({ t: 'crypto', id, error: 'too many operations wait', name: 'QuotaExceededError' })
  }

  /** G1 */
  function next(): void {
    if (running >= MAX_RUNNING || ended) return
    const work = waiting.shift()
    if (work === undefined) return
    running++
    void work().finally(() => {
      running--
      next()
    })
  }

  async function run(id: number, operation: string, parameters: string, bytes: Uint8Array[]): Promise<void> {
    try {
      const { json, data } = await runCrypto(openssl().webcrypto as unknown as Crypto, operation, parameters, bytes)
      answer({ t: 'crypto', id, ...(json !== undefined && { json }) }, data)
    } catch (error) {
      const [name, message] = error instanceof Error ? [error.name, error.message] : ['Error', String(error)]
      answer({ t: 'crypto', id, error: message.slice(0, 500), name })
    }
  }
}

/** At most 64 KiB, whatever is asked for. */
export function randomBytes(bytes: unknown): Uint8Array {
  const length = typeof bytes === 'number' ? Math.min(Math.max(0, bytes | 0), MAX_RANDOM_BYTES) : 0
  return openssl().randomFillSync(new Uint8Array(length))
}
