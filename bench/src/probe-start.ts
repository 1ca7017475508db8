import { openPluginFolder } from '@pryx/kernel'
import { pluginFixture } from './fixtures.ts'
import { openBenchKernel, sandboxPids } from './kernel-for-bench.ts'
import { cpuMs, ownCpuMs } from './processes.ts'

await using owner = new AsyncDisposableStack()
const { folder } = await pluginFixture((process.argv[2] ?? 'planner') as 'planner')
const kernel = await openBenchKernel(owner)
const pkg = await openPluginFolder(folder)
await kernel.install(pkg, { id: 'first' })
const [pid = 0] = sandboxPids(kernel)
console.log('pids', process.pid, pid)
const N = 30
for (let n = 0; n < N; n++) await kernel.install(pkg, { id: `p-${n}` })
for (let n = 0; n < N; n++) await kernel.disable(`p-${n}`)
const times: number[] = []
let own = 0,
  child = 0,
  wall = 0,
  count = 0
for (let r = 0; r < Number(process.argv[3] ?? 4); r++) {
  const a = process.cpuUsage(),
    b = cpuMs(pid),
    t = performance.now()
  for (let n = 0; n < N; n++) {
    await new Promise((r) => setTimeout(r, 60))
    const t = performance.now()
    await kernel.enable(`p-${n}`)
    times.push(performance.now() - t)
  }
  own += ownCpuMs(a)
  child += cpuMs(pid) - b
  wall += performance.now() - t
  count += N
  for (let n = 0; n < N; n++) await kernel.disable(`p-${n}`)
}
console.log(times.sort((a, b) => a - b)[times.length >> 1], {
  hostMs: own / count,
  childMs: child / count,
  wallMs: wall / count,
})
