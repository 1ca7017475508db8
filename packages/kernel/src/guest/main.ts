// packages/kernel/src/guest/main.ts: the script of the startup snapshot. It installs the web's globals, hardens them, makes the runtime
//   and leaves one global behind, `__pryxBoot`, which the sandbox process calls first of all and which is gone from then on.
//   `__pryxBoot.warmUp()` is for the snapshot's warm-up.
import * as zod from 'zod'
import type { BootHost, BootRecord } from './local.ts'
import { createRuntime } from './runtime.ts'
import { warmUp } from './warm-up.ts'
import { hardenGlobals, installWeb } from './web/index.ts'
import { createWebHost } from './web-host.ts'

const BOOT = '__pryxBoot'
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

function boot(given: BootHost): BootRecord {
  Reflect.deleteProperty(globalThis, BOOT)
  host = given
  hardenGlobals() // in each realm: V8 adds some of what it closes after the snapshot, and aborts on a snapshot without it
  const { deliver, start } = runtime
  return Object.freeze({ deliver, start, modules: { zod }, moduleNames: { zod: Object.keys(zod) } })
}

const value = Object.assign(boot, { warmUp: () => warmUp(boot) })
Object.defineProperty(globalThis, BOOT, { value, configurable: true })
