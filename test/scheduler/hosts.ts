// test/scheduler/hosts.ts: hosts that are processes of their own, and the world their tasks act upon, which outlives them.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Scheduler } from '../../plugins/scheduler/src/service.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const SCHEDULER = fileURLToPath(new URL('../../plugins/scheduler', import.meta.url))
const UP_MS = 60_000 // on a busy machine

/** What a host is told at its start. */
export interface HostOrders {
  data: string
  workspace: string
  plugins: string[]
  /** What sandbox processes are started with, instead of this Node. */
  node?: string
  /** Largest database of a plugin, bytes: a disk that is soon full. */
  quotaBytes?: number
  /** It dies by SIGKILL at its n-th commit. */
  dieAt?: { commit: number; when: 'before' | 'after' }
}

export interface Host {
  readonly child: ChildProcess
  readonly scheduler: Scheduler
  /** Where webhooks are taken. */
  readonly url: string
  emit(event: string, payload: unknown): Promise<void>
  /** What was told on the bus under `task.` and `notice.`, with its payload. */
  told(): Promise<{ name: string; payload: Record<string, unknown> }[]>
  sandboxes(): Promise<{ pid: number; plugins: string[] }[]>
  /** Resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
  readonly gone: Promise<unknown>
  stderr(): string
}

/** Each effect of the tool `world.act`, in the order in which they happened. */
export interface Effect {
  name: string
  key: string
}

const WORLD = `import { z } from 'zod'
export default { activate(ctx) {
  ctx.tools.provide({ name: 'world.act', input: z.object({ name: z.string(), key: z.string() }), async run(effect) {
    const fs = await ctx.use({ kind: 'service', name: 'fs', version: '1.0.0' })
    await fs.append('effects', new TextEncoder().encode(JSON.stringify(effect) + '\\n'))
    return effect.name
  } })
  ctx.tools.provide({ name: 'world.slow', input: z.object({ ms: z.number() }), async run({ ms }) {
    await new Promise((done) => setTimeout(done, ms))
    return 'slept'
  } })
  ctx.tools.provide({ name: 'world.fail', input: z.unknown(), run() { throw new Error('it does not work') } })
} }`

export interface Place extends AsyncDisposable {
  /** Of all that is below; goes with it. */
  readonly folder: string
  readonly workspace: string
  /** The hosts' data folder; set it before one is started. */
  data: string
  /** Writes a plugin that hosts to come shall have. */
  plugin(name: string, code: string, manifest: object): void
  effects(): Effect[]
  /** Starts a host; undefined if it died before it was up, as it was told to. */
  start(orders?: Partial<HostOrders>, env?: NodeJS.ProcessEnv): Promise<Host | undefined>
  /** As `start`, for one that has no orders to die. */
  up(orders?: Partial<HostOrders>, env?: NodeJS.ProcessEnv): Promise<Host>
}

/** A folder for hosts, with the scheduler and the plugin `world`. Its hosts end with it. */
export function createPlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'pryx-scheduler-'))
  const plugins = [SCHEDULER]
  const hosts: Host[] = []
  const place: Place = {
    folder,
    workspace: join(folder, 'work'),
    data: join(folder, 'data'),
    plugin(name, code, manifest) {
      const home = join(folder, name)
      mkdirSync(home)
      writeFileSync(join(home, 'plugin.js'), code)
      const pryx = { engine: '*', entry: 'plugin.js', ...manifest }
      writeFileSync(join(home, 'package.json'), JSON.stringify({ name, version: '1.0.0', pryx }))
      plugins.push(home)
    },
    effects() {
      const file = join(place.workspace, 'effects')
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
      return lines.map((line) => JSON.parse(line) as Effect)
    },
    async start(orders = {}, env = {}) {
      const host = await startHost({ data: place.data, workspace: place.workspace, plugins, ...orders }, env)
      if (host !== undefined) hosts.push(host)
      return host
    },
    async up(orders, env) {
      const host = await place.start(orders, env)
      if (host === undefined) throw new Error('the host ended before it was up')
      return host
    },
    async [Symbol.asyncDispose]() {
      for (const host of hosts) await host.kill()
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    },
  }
  mkdirSync(place.workspace)
  place.plugin('world', WORLD, {
    permissions: ['fs:write:${workspace}/**'],
    tools: [
      { name: 'world.act', description: 'Does something that can be counted' },
      { name: 'world.slow', description: 'Takes its time' },
      { name: 'world.fail', description: 'Fails' },
    ],
  })
  return place
}

/** Looks again until it holds. @throws after `timeoutMs`, naming `what`. */
export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 150_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; ; await new Promise((go) => setTimeout(go, 50))) {
    if (await holds()) return
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`)
  }
}

async function startHost(orders: HostOrders, env: NodeJS.ProcessEnv): Promise<Host | undefined> {
  const node = ['--conditions=source', '--no-warnings', join(HERE, 'host-testing.ts'), JSON.stringify(orders)]
  const child = spawn(process.execPath, node, {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    env: { PATH: process.env.PATH, ...env },
  })
  let said = ''
  child.stderr?.on('data', (chunk) => (said = (said + String(chunk)).slice(-20_000)))
  const gone = once(child, 'exit')
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let orderId = 0
  const up = Promise.withResolvers<{ url: string } | undefined>()
  child.on('message', (message: { up?: unknown; url?: string; id?: number; value?: unknown; error?: object }) => {
    if (message.up !== undefined) return up.resolve({ url: String(message.url) })
    const order = waiting.get(message.id ?? 0)
    waiting.delete(message.id ?? 0)
    if (message.error !== undefined) order?.reject(Object.assign(new Error(), message.error))
    else order?.resolve(message.value)
  })
  void gone.then(() => {
    up.resolve(undefined)
    for (const order of waiting.values()) order.reject(new Error(`the host is gone: ${said}`))
  })
  const late = setTimeout(() => child.kill('SIGKILL'), UP_MS)
  const started = await up.promise
  clearTimeout(late)
  if (started === undefined) {
    if (child.signalCode === 'SIGKILL' && orders.dieAt !== undefined) return undefined
    throw new Error(`the host did not come up: ${said}`)
  }
  const call = (method: string, ...args: unknown[]): Promise<unknown> => {
    const order = Promise.withResolvers<unknown>()
    if (!child.connected) return Promise.reject(new Error('the host is gone'))
    waiting.set(++orderId, order)
    child.send({ id: orderId, method, args }, (error) => error !== null && order.reject(error))
    return order.promise
  }
  return {
    child,
    scheduler: new Proxy({} as Scheduler, {
      get: (_, method) => (method === 'then' ? undefined : (...args: unknown[]) => call(String(method), ...args)),
    }),
    url: started.url,
    emit: (event, payload) => call('$emit', event, payload) as Promise<void>,
    told: () => call('$told') as ReturnType<Host['told']>,
    sandboxes: () => call('$sandboxes') as ReturnType<Host['sandboxes']>,
    async kill(signal = 'SIGKILL') {
      child.kill('SIGCONT')
      child.kill(signal)
      await gone
    },
    gone,
    stderr: () => said,
  }
}
