// packages/kernel/src/guest/faces.ts: what `ctx.use(Token)` answers: the token's own face, or a proxy on which every name is a method.
import { UsageError } from '../contract/errors.ts'
import type { ServiceCaller, ServiceToken } from '../contract/tokens.ts'
import { check } from './check.ts'

export function createFace<T extends object>(token: ServiceToken<T>, call: ServiceCaller): T {
  return token.face ? token.face(call) : genericFace(token, call)
}

function genericFace<T extends object>(token: ServiceToken<T>, call: ServiceCaller): T {
  const methods = new Map<string, (...args: unknown[]) => Promise<unknown>>()
  return new Proxy(Object.freeze(Object.create(null)), {
    get(_target, key) {
      // Without a `then` the face is a plain value to `await`.
      if (typeof key !== 'string' || key === 'then' || key === 'toJSON') return undefined
      let method = methods.get(key)
      if (method === undefined) {
        method = methodOf(token, key, call)
        methods.set(key, method)
      }
      return method
    },
  }) as T
}

function methodOf(
  token: ServiceToken<object>,
  name: string,
  call: ServiceCaller,
): (...args: unknown[]) => Promise<unknown> {
  const output = token.methods?.[name]?.output
  const ask = (args: unknown[]) => {
    const signal = takeSignal(args)
    return call(name, args, signal && { signal })
  }
  if (output === undefined) return (...args) => ask(args)
  return async (...args) =>
    check(output, await ask(args), ({ path, message }) => {
      const where = `${token.name}.${name}`
      return new UsageError(
        'SERVICE_RESULT',
        `the result of ${where}${path && ` at ${path}`} is not as its contract says: ${message}`,
        {
          service: token.name,
          method: name,
          path,
          expected: message,
        },
      )
    })
}

/** Takes an AbortSignal out of the last argument, be it the argument itself or its `signal`; writes into `args`. */
export function takeSignal(args: unknown[]): AbortSignal | undefined {
  const last = args.at(-1)
  if (typeof last !== 'object' || last === null) return undefined
  if (isSignal(last)) {
    args.pop()
    return last
  }
  const prototype = Object.getPrototypeOf(last)
  if ((prototype !== Object.prototype && prototype !== null) || !('signal' in last)) return undefined
  const { signal, ...rest } = last as { signal: unknown }
  if (!isSignal(signal)) return undefined
  args[args.length - 1] = rest
  return signal
}

function isSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false
  return (
    typeof (value as AbortSignal).aborted === 'boolean' && typeof (value as AbortSignal).addEventListener === 'function'
  )
}
