import { readFileSync } from 'node:fs'
import { Echo } from './fixtures/echo/src/service.ts'
import { pluginFixture } from './fixtures.ts'
import { openBenchKernel } from './kernel-for-bench.ts'

await using owner = new AsyncDisposableStack()
const kernel = await openBenchKernel(owner)
await kernel.installFolder((await pluginFixture('echo')).folder)
const echo = await kernel.use(Echo)
const PAYLOAD = {
  id: 'message-01',
  from: 'bench',
  text: 'A sentence of ordinary length, as people write them.',
  at: 170,
}
const pid = kernel.host().processes[0]!.pid
const cpu = () => {
  const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(f[11]) + Number(f[12])) * 10
}
async function run(ms: number, lanes: number) {
  const t0 = performance.now(),
    c0 = cpu(),
    h0 = process.cpuUsage()
  let done = 0
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (; performance.now() - t0 < ms; done++) await echo.echo(PAYLOAD)
    }),
  )
  const h = process.cpuUsage(h0)
  return {
    perS: Math.round((done * 1000) / (performance.now() - t0)),
    hostUs: (h.user + h.system) / done,
    childUs: ((cpu() - c0) * 1000) / done,
  }
}

console.log('pids', process.pid, pid)
const lanes = Number(process.argv[2] ?? 64),
  ms = Number(process.argv[3] ?? 3000)
await run(1000, lanes)
console.log(lanes, await run(ms, lanes))
