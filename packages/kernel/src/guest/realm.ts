// packages/kernel/src/guest/realm.ts: makes a realm a plugin can live in. It installs the web's globals, makes the runtime and leaves one
//   global behind, `__pryxBoot`, which the sandbox process calls first of all and which is gone from then on.
//   `__pryxBoot.warmUp()` is for the snapshot's warm-up.
import type { z } from 'zod'
import type { BootHost, BootRecord } from './local.ts'
import { createRuntime } from './runtime.ts'
import { warmUp } from './warm-up.ts'
import { hardenGlobals, installWeb } from './web/index.ts'
import { createWebHost } from './web-host.ts'

const BOOT = '__pryxBoot'

/** @param modules What a bundle may import, by name. */
export function openRealm(modules: Readonly<Record<string, object>>): void {
  const settled = Promise.resolve()
  let host: BootHost
  const web = createWebHost(
    () => host,
    () => runtime,
  )
  const { fireTimer } = installWeb(web)
  const runtime = createRuntime({
    send: (text, ...buffers) => host.send(text, ...buffers),
    defer: (task) => void settled.then(task),
    random: web.random,
    fireTimer,
    cryptoAnswer: web.cryptoAnswer,
  })
  const value = Object.assign(boot, { warmUp: () => warmUp(boot, modules.zod as typeof z | undefined) })
  Object.defineProperty(globalThis, BOOT, { value, configurable: true })

  function boot(given: BootHost): BootRecord {
    Reflect.deleteProperty(globalThis, BOOT)
    host = given
    hardenGlobals() // in each realm: V8 adds some of what it closes after the snapshot, and aborts on a snapshot without it
    const { deliver, start } = runtime
    const names = Object.entries(modules).map(([name, module]) => [name, Object.keys(module)])
    return Object.freeze({ deliver, start, modules, moduleNames: Object.fromEntries(names) })
  }
}
