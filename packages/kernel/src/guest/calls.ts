// packages/kernel/src/guest/calls.ts: what the guest asks the kernel: every request has an id, and one answer.
//   A1  A request settles once: by its reply or its signal. A late reply is read only to refuse its streams.
//   A2  A request that cannot be posted rejects, and the kernel never hears of it.
import { type ErrorJson, errorFromJson } from '../contract/errors.ts'
import type { GuestMessage, HostMessage } from '../contract/wire.ts'
import type { Reader } from './crossing.ts'
import type { Carrier } from './outbox.ts'

export type Request = Extract<GuestMessage, { t: 'call' | 'use' | 'tool' | 'tools' | 'hook' | 'emit' }>
export type Reply = Extract<HostMessage, { t: 'reply' }>

export interface Calls {
  /** Sends `request` under a new id (the one it carries is written over) and waits for the reply. */
  request(request: Request, carrier?: Carrier, signal?: AbortSignal): Promise<unknown>
  reply(message: Reply, read: Reader): void
  /** The `n` requests from `id` on went well and have no answer, or were all refused with `error`. */
  done(id: number, n: number, error?: ErrorJson): void
}

interface Pending {
  resolve(value: unknown): void
  reject(error: unknown): void
  /** Stops listening to the caller's signal. */
  leave?: () => void
}

export function createCalls(post: (message: GuestMessage, carrier?: Carrier) => void): Calls {
  const pending = new Map<number, Pending>()
  let lastId = 0

  return {
    request(request, carrier, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const id = ++lastId
        request.id = id
        post(request, carrier) // throws: the promise rejects (A2)
        const entry: Pending = { resolve, reject }
        pending.set(id, entry)
        if (signal) entry.leave = cancelOn(signal, id)
      })
    },
    reply(message, read) {
      const entry = settle(message.id)
      if (entry === undefined) return read.drop(message.value) // A1
      if (message.error) return entry.reject(errorFromJson(message.error))
      try {
        entry.resolve(read.take(message.value))
      } catch (error) {
        entry.reject(error)
      }
    },
    done,
  }

  function done(first: number, n: number, error?: ErrorJson): void {
    for (let id = first; id < first + n; id++) {
      const entry = settle(id)
      if (error === undefined) entry?.resolve(undefined)
      else entry?.reject(errorFromJson(error))
    }
  }

  function cancelOn(signal: AbortSignal, id: number): () => void {
    const cancel = () => {
      const entry = settle(id)
      if (entry === undefined) return
      post({ t: 'cancel', id })
      entry.reject(signal.reason)
    }
    signal.addEventListener('abort', cancel, { once: true })
    return () => signal.removeEventListener('abort', cancel)
  }

  function settle(id: number): Pending | undefined {
    const entry = pending.get(id)
    if (entry === undefined) return undefined
    pending.delete(id)
    entry.leave?.()
    return entry
  }
}
