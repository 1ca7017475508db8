// packages/kernel/src/services/host-face.ts: a service as the host application holds it: a plain object of async methods.
import type { ServiceToken } from '../contract/index.ts'

type HostCaller = (method: string, args: unknown[], signal?: AbortSignal) => Promise<unknown>

/** Every property is a method, except `then`: the face may be awaited. A token's own face is made for guests and is used here alike. */
export function hostFace<T extends object>(token: ServiceToken<T>, call: HostCaller): T {
  if (token.face) return token.face((method, args, options) => call(method, args, options?.signal))
  const methods = new Map<PropertyKey, unknown>()
  return new Proxy(Object.create(null) as T, {
    get(_target, key) {
      if (typeof key !== 'string' || key === 'then') return undefined
      let method = methods.get(key)
      if (method === undefined) {
        method = (...args: unknown[]) => call(key, args)
        methods.set(key, method)
      }
      return method
    },
  })
}
