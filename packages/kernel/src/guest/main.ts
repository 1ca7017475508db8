// packages/kernel/src/guest/main.ts: the script of the startup snapshot. It installs the web's globals, hardens them, makes the runtime
//   and leaves one global behind, `__pryxBoot`, which the sandbox process calls first of all and which is gone from then on.
import * as zod from 'zod'
import type { BootHost, BootRecord } from './local.ts'
import { createRuntime } from './runtime.ts'
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
hardenGlobals()

function boot(given: BootHost): BootRecord {
  Reflect.deleteProperty(globalThis, BOOT)
  host = given
  const { deliver, start } = runtime
  return Object.freeze({ deliver, start, modules: { zod }, moduleNames: { zod: Object.keys(zod) } })
}

Object.defineProperty(globalThis, BOOT, { value: boot, configurable: true })
