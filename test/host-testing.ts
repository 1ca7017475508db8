// test/host-testing.ts: a small host of its own, for tests that kill it. Arguments: data folder, plugin folders. Says `up PIDS` when ready.
import { createKernel } from '../packages/kernel/src/index.ts'

const [, , data = '', ...folders] = process.argv
const kernel = await createKernel({ data, workspace: data, consent: 'declared', standby: 'always' })
for (const folder of folders) await kernel.installFolder(folder)
while (kernel.host().processes.length < 2) await new Promise((done) => setTimeout(done, 20))
await kernel.settled()
await kernel.audit.flush()
console.log(
  `up ${kernel
    .host()
    .processes.map(({ pid }) => pid)
    .join(' ')}`,
)
