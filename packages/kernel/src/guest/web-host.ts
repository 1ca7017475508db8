// packages/kernel/src/guest/web-host.ts: what web standards need from outside, out of what the sandbox process lends and the kernel serves.
import { PryxError } from '../contract/errors.ts'
import type { ServiceCaller } from '../contract/tokens.ts'
import type { BootHost, LocalMessage } from './local.ts'
import type { Runtime } from './runtime.ts'
import type { HostResponse, WebHost } from './web/host.ts'

const NET_RANGE = '^1.0.0'

export type CryptoAnswer = Extract<LocalMessage, { t: 'crypto' }>

export interface GuestWebHost extends WebHost {
  cryptoAnswer(message: CryptoAnswer, buffers: readonly Uint8Array[]): void
}

/** @param lent The host's functions; asked for at each use, for there are none yet in a snapshot. */
export function createWebHost(lent: () => BootHost, runtime: () => Runtime): GuestWebHost {
  const digests = createDigests(lent)
  return {
    parseUrl: (href, base) => lent().parseUrl(href, base),
    setUrl: (href, part, value) => lent().setUrl(href, part, value),
    encodingName: (label) => lent().encodingName(label),
    decodeText: (encoding, bytes, last) => lent().decodeText(encoding, bytes, last),
    random: (bytes) => lent().random(bytes),
    startTimer: (id, ms) => lent().startTimer(id, ms),
    stopTimer: (id) => lent().stopTimer(id),
    now: () => lent().now(),
    crypto: digests.ask,
    cryptoAnswer: digests.answer,
    log: (level, text) => runtime().log(level, text),
    uncaught: (error) => runtime().uncaught(error),
    fetch: (request, signal) => fetchBy(runtime().caller('net', NET_RANGE), request, signal),
  }
}

async function fetchBy(
  net: ServiceCaller,
  request: Parameters<WebHost['fetch']>[0],
  signal: AbortSignal,
): Promise<HostResponse> {
  const { redirect, ...rest } = request
  try {
    const response = await net('fetch', [redirect === 'follow' ? rest : request], { signal })
    return { body: undefined, ...(response as Omit<HostResponse, 'body'>) }
  } catch (error) {
    throw signal.aborted ? signal.reason : asFetchError(error)
  }
}

/** What the network refused is a TypeError, as everywhere; what the kernel refused keeps its own class. */
function asFetchError(error: unknown): unknown {
  if (!PryxError.is(error) || !error.code.startsWith('NET_')) return error
  return Object.assign(new TypeError(error.message, { cause: error }), { code: error.code, hint: error.hint })
}

interface Digest {
  resolve(result: { json?: string; data?: Uint8Array }): void
  reject(error: Error): void
}

function createDigests(lent: () => BootHost): { ask: WebHost['crypto']; answer: GuestWebHost['cryptoAnswer'] } {
  const pending = new Map<number, Digest>()
  let lastId = 0
  return {
    ask: (operation, parameters, data) =>
      new Promise((resolve, reject) => {
        const id = ++lastId
        pending.set(id, { resolve, reject })
        lent().cryptoCall(id, operation, parameters, ...data)
      }),
    answer({ id, json, buffer, error, name }, buffers) {
      const digest = pending.get(id)
      pending.delete(id)
      if (error !== undefined) return digest?.reject(new DOMException(error, name ?? 'OperationError'))
      const data = buffer === undefined ? undefined : buffers[buffer]
      digest?.resolve({ ...(json !== undefined && { json }), ...(data && { data }) })
    },
  }
}
