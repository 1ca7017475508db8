// test/scheduler/host-testing.ts: a host with the scheduler in it, as a process of its own that tests kill, stop, starve and send back in time.
// Its orders come over Node's channel: `{ id, method, args }` for the scheduler's service, answered by `{ id, value }` or `{ id, error }`.
import { appendFileSync } from 'node:fs'
import { createKeyFile, nodeCapabilities, openSecrets } from '../../packages/capabilities/src/index.ts'
import type { Capability } from '../../packages/kernel/src/contract/index.ts'
import { createKernel } from '../../packages/kernel/src/index.ts'
import { Scheduler } from '../../plugins/scheduler/src/service.ts'
import type { HostOrders } from './hosts.ts'

const orders = JSON.parse(process.argv[2] ?? '{}') as HostOrders
if (orders.node !== undefined) process.execPath = orders.node // what sandbox processes are started with

const drivers = nodeCapabilities({
  secrets: openSecrets({
    file: `${orders.data}/secrets.json`,
    key: createKeyFile(`${orders.workspace}/../master.key`),
  }),
  http: { port: 0 },
  ...(orders.quotaBytes !== undefined && { storage: { quotaBytes: orders.quotaBytes } }),
})
const kernel = await createKernel({
  data: orders.data,
  workspace: orders.workspace,
  consent: 'declared',
  capabilities: Object.values({ ...drivers, storage: dying(drivers.storage) }),
})
kernel.on('approval.needed', (payload) => {
  const { id } = payload as { id: string }
  queueMicrotask(() => kernel.approvals.resolve(id, { answer: 'allow', duration: 'forever', by: 'test' }))
})
const told: { name: string; payload: unknown }[] = []
for (const pattern of ['task.*', 'notice.*'])
  kernel.on(pattern, (payload, { name }) => {
    if (told.push({ name, payload }) > 5_000) told.shift()
  })
const { url } = await drivers.http.listen()
for (const folder of orders.plugins) await kernel.installFolder(folder)
await kernel.settled()
const scheduler = await schedulerOf()

process.on('message', (order: { id: number; method: string; args: unknown[] }) => {
  act(order.method, order.args).then(
    (value) => process.send?.({ id: order.id, value }),
    (error: Error & { code?: string }) =>
      process.send?.({ id: order.id, error: { code: error.code, message: error.message } }),
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.({ up: true, url })

/** On a machine that is busy a plugin takes longer to start than a caller waits for it. */
async function schedulerOf(): Promise<Record<string, (...args: unknown[]) => Promise<unknown>>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await kernel.use(Scheduler)) as never
    } catch (error) {
      const { stage } = kernel.status('scheduler')
      if (attempt === 5 || stage !== 'starting') throw new Error(`the scheduler is ${stage}`, { cause: error })
    }
  }
}

async function act(method: string, args: unknown[]): Promise<unknown> {
  if (method === '$emit') return kernel.emit(args[0] as string, args[1])
  if (method === '$told') return told
  if (method === '$sandboxes') return kernel.host().processes.map(({ pid, plugins }) => ({ pid, plugins }))
  return scheduler[method]!(...args)
}

/** Storage whose process dies at the n-th commit from the start, before or after it is on disk. */
function dying(storage: Capability): Capability {
  const { dieAt } = orders
  if (dieAt === undefined) return storage
  const sqlBatch = storage.methods.sqlBatch as never as { run(input: unknown, call: unknown): Promise<unknown> }
  let commits = 0
  const run = async (input: unknown, call: unknown) => {
    const last = ++commits === dieAt.commit
    if (last && dieAt.when === 'before') die()
    const result = await sqlBatch.run(input, call)
    if (last) die()
    return result
  }
  return { ...storage, methods: { ...storage.methods, sqlBatch: { ...sqlBatch, run } as never } }
}

function die(): never {
  appendFileSync(`${orders.workspace}/deaths`, '.')
  process.kill(process.pid, 'SIGKILL')
  for (;;); // nothing more is done until the signal has come
}
