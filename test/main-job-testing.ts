// test/main-job-testing.ts: the built command with the three plugins of the project on a log file, as a user has it, and what its page and its terminal say.
import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'
import { createProject, type Project, type Running } from '../packages/pryx/src/cli/bin-testing.ts'
import type { AuditRecord } from '../packages/sdk/src/index.ts'
import type { Alert } from '../plugins/log-monitor/src/events.ts'
import type { Heard } from '../plugins/web/src/events.ts'
import type { Picture } from '../plugins/web/src/watch.ts'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const LOG = 'logs/app.log'
export const FIRST_PARTY = ['scheduler', 'log-monitor', 'web']
export const WITHIN_MS = 2_000
/** How long a poll goes on: the machine may be busy. What must be quick is judged by the times in events. */
export const PATIENT = { timeout: 30_000, interval: 40 }

export type State = Picture & { events: Heard[] }

export interface MainJob extends AsyncDisposable {
  readonly project: Project
  /** Starts the host, and waits until the log is watched. */
  up(...args: string[]): Promise<Live>
  /** Appends a line to the log; its folders come with it. @returns When, epoch ms. */
  log(line: string): number
}

/** @param more Further entries of `plugins` in pryx.json. */
export function createMainJob(more: Record<string, object> = {}): MainJob {
  const project = createProject()
  const source = (id: string) => ({ source: join(ROOT, 'plugins', id) })
  project.write('pryx.json', {
    plugins: {
      scheduler: source('scheduler'),
      'log-monitor': { ...source('log-monitor'), config: { files: [{ path: LOG }], cooldownMs: 0 } },
      web: source('web'),
      ...more,
    },
  })
  return {
    project,
    async up(...args) {
      const live = follow(await project.up('--consent', 'declared', ...args))
      try {
        await until(async () => (await live.acts('log-monitor', 'fs.watch')).find((outcome) => outcome === 'allowed'))
      } catch (cause) {
        throw new Error(`the log is not watched; the host says:\n${live.stderr()}`, { cause })
      }
      return live
    },
    log(line) {
      const file = project.path(LOG)
      mkdirSync(dirname(file), { recursive: true })
      const at = Date.now()
      appendFileSync(file, `${line}\n`)
      return at
    },
    [Symbol.asyncDispose]: () => project[Symbol.asyncDispose](),
  }
}

export interface Live extends Running {
  /** What the page is told. */
  state(): Promise<State>
  get<T>(path: string): Promise<T>
  /** As the page does. */
  post(path: string, body?: object): Promise<void>
  /** The cookie of its session. */
  cookie(): Promise<string>
  audit(): Promise<AuditRecord[]>
  /** Outcomes of a plugin's acts of that name, oldest first. */
  acts(plugin: string, act: string): Promise<string[]>
  /** What stderr says, with `--json`: facts in their order. */
  terminal(event: string): { at: number; data: Record<string, unknown> }[]
  /** Waits until the page knows the alert of this line. */
  alert(line: string): Promise<Heard & { data: Alert }>
  /** Waits until all plugins of the project are active. */
  allActive(): Promise<State>
}

function follow(host: Running): Live {
  let cookie: Promise<string> | undefined
  const live: Live = {
    ...host,
    get: (path) => ask(path),
    async post(path, body = {}) {
      const headers = { origin: host.url, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
      await ask(path, { method: 'POST', headers, body: JSON.stringify(body) })
    },
    cookie: () => (cookie ??= logIn(host.link)),
    state: () => ask('/api/state'),
    audit: async () => (await ask<{ records: AuditRecord[] }>('/api/audit?n=1000')).records,
    acts: async (plugin, act) =>
      (await live.audit())
        .filter((record) => record.plugin === plugin && record.act === act)
        .map(({ outcome }) => outcome),
    terminal: (event) =>
      host
        .stderr()
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line))
        .filter((fact) => fact.event === event),
    alert: (line) => until(async () => alertsOf(await live.state()).find(({ data }) => data.line === line)),
    allActive: () => until(async () => live.state().then((state) => (isActive(state) ? state : undefined))),
  }
  return live

  async function ask<T>(path: string, init?: RequestInit): Promise<T> {
    const headers = { ...init?.headers, cookie: await live.cookie() }
    const response = await fetch(host.url + path, { ...init, headers })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
}

/** Opens a link as a browser does. @returns The cookie it is given. */
export async function logIn(link: string): Promise<string> {
  const response = await fetch(link)
  const cookie = response.headers.getSetCookie()[0]?.split(';')[0]
  if (!response.ok || cookie === undefined) throw new Error(`${link}: ${response.status} ${await response.text()}`)
  return cookie
}

export function alertsOf(state: State): (Heard & { data: Alert })[] {
  return state.events.filter(({ name }) => name === 'alert.raised') as (Heard & { data: Alert })[]
}

function isActive({ plugins }: State): boolean {
  return FIRST_PARTY.every((id) => plugins.find((plugin) => plugin.id === id)?.stage === 'active')
}

/** Asks until there is an answer; one that fails is asked again: the page itself may just be coming back. */
export function until<T>(find: () => Promise<T | undefined>): Promise<T> {
  return vi.waitFor(async () => {
    const found = await find()
    if (found === undefined) throw new Error('it has not come')
    return found
  }, PATIENT)
}
