// packages/kernel/src/guest/serving.ts: calls into the plugin: each is answered exactly once.
//   G1  One reply per call: its result, its failure, or at once SERVICE_CANCELLED when it is cancelled; what comes later is dropped.
//   G2  A result that cannot cross the wall fails its own call and nothing else.
import { ServiceError, UsageError } from '../contract/errors.ts'
import type { HostMessage, RoutedCall } from '../contract/wire.ts'
import { type Ambient, ServedCall } from './ambient.ts'
import { Crossing, type LentFunctions, type Reader } from './crossing.ts'
import { failureToJson, shortFailure } from './failure.ts'
import type { HostCall, Offers } from './offers.ts'
import type { Outbox } from './outbox.ts'
import type { Streams } from './streams.ts'
import { isThenable } from './thenable.ts'

type Route = Extract<HostMessage, { t: 'route' }>

export interface Serving {
  call(message: HostCall, read: Reader): void
  /** Learns a way that calls will come, and takes a call that comes that way. */
  route(message: Route): void
  routed(call: RoutedCall, read: Reader): void
  cancel(id: number): void
  /** Fails all running calls with `error`. */
  endAll(error: Error): void
}

export interface ServingParts {
  outbox: Outbox
  offers: Offers
  functions: LentFunctions
  streams: Streams
  ambient: Ambient
}

export function createServing({ outbox, offers, functions, streams, ambient }: ServingParts): Serving {
  const running = new Map<number, ServedCall>()
  const routes = new Map<number, Route>()
  return {
    call: (message, read) => serve(message.id, message, () => read.take(message.args), message.trace),
    route: (message) => void routes.set(message.route, message),
    routed([id, route, args, trace = ''], read) {
      const way = routes.get(route)
      if (way) serve(id, way, () => read.take(args), trace)
    },
    cancel(id) {
      end(id, new ServiceError('SERVICE_CANCELLED', 'the call was cancelled'))
    },
    endAll(error) {
      for (const id of [...running.keys()]) end(id, error)
    },
  }

  function serve(id: number, call: Route | HostCall, args: () => unknown, trace: string) {
    const served = new ServedCall(call.from, trace)
    const before = ambient.enter(served)
    try {
      const result = invoke(call, args(), served)
      if (!isThenable(result)) return reply(id, result)
      running.set(id, served)
      Promise.resolve(result).then(
        (value) => running.delete(id) && reply(id, value),
        (error: unknown) => running.delete(id) && fail(id, error),
      )
    } catch (error) {
      running.delete(id)
      fail(id, error)
    } finally {
      ambient.leave(before)
    }
  }

  function invoke(message: Route | HostCall, args: unknown, served: ServedCall): unknown {
    if (message.kind !== 'fn') return offers.invoke(message, args, served)
    const fn = functions.get(Number(message.name))
    if (fn === undefined) throw new UsageError('USAGE_FUNCTION_GONE', 'the function is not there any more')
    return fn(...(Array.isArray(args) ? args : []))
  }

  function end(id: number, error: Error): void {
    const served = running.get(id)
    if (served === undefined) return
    running.delete(id)
    fail(id, error) // before the abort: its listeners run plugin code
    served.abort(error)
  }

  function reply(id: number, value: unknown): void {
    try {
      if (!outbox.reply(id, value)) outbox.post({ t: 'reply', id, value }, new Crossing(streams))
    } catch (error) {
      fail(id, error) // G2
    }
  }

  function fail(id: number, error: unknown): void {
    try {
      outbox.post({ t: 'reply', id, error: failureToJson(error) })
    } catch {
      outbox.post({ t: 'reply', id, error: shortFailure(error) })
    }
  }
}
