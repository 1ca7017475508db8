// packages/capabilities/src/testing-call.ts: calls a capability as the kernel would, judged by a list of grants, without a kernel.
import { readFileSync } from 'node:fs'
import { type Capability, createScope, PermissionError, type PluginPlace, type Scope } from '@pryx/kernel/contract'

export interface JudgedCaller extends AsyncDisposable {
  /** Checks the input, judges what it needs and runs the method. @throws PERMISSION_DENIED. */
  call<T = never>(method: string, args: unknown[], signal?: AbortSignal): Promise<T>
  /** Rests that were judged, in order. */
  readonly judged: string[]
  /** Owns what calls leave behind; ends with the caller. */
  readonly scope: Scope
}

/** @param granted Rests as an author writes them. */
export function judgedCaller(capability: Capability, place: PluginPlace, granted: string[]): JudgedCaller {
  const grants = granted.map((rest) => capability.parse(rest, place))
  const scope = createScope(place.plugin)
  const judged: string[] = []
  return {
    judged,
    scope,
    async call<T>(method: string, args: unknown[], signal = new AbortController().signal) {
      const found = capability.methods[method]
      if (found === undefined) throw new Error(`no method ${method}`)
      const input = found.input.parse(args) as never
      for (const rest of await found.access(input, place)) judge(rest)
      const effect = scope.effect
      const check = async (rest: string) => judge(rest)
      return (await found.run(input, { plugin: place.plugin, place, trace: 'test', signal, effect, check })) as T
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  }

  function judge(rest: string): void {
    judged.push(rest)
    if (grants.some((grant) => capability.covers(grant, rest))) return
    throw new PermissionError('PERMISSION_DENIED', `${capability.name}:${rest} is not granted`, { access: rest })
  }
}

/** False too for a process that has ended and waits to be collected. Elsewhere than on Linux it asks for the pid alone. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
