// A host with the first COUNT plugins of a folder: `installed-plugins DATA PLUGINS COUNT`. Answers with the pids of its sandbox processes.
import { join } from 'node:path'
import { createKernel, openPluginFolder } from '@pryx/kernel'
import { serve } from './serve.ts'

const [data = '', folder = '', count = '0'] = process.argv.slice(2)
const kernel = await createKernel({ data, workspace: data, consent: 'declared', standby: 'never' })
kernel.on('plugin.failed', (fact) => console.error('a plugin failed:', fact))
const folders = Array.from({ length: Number(count) }, (_, n) => join(folder, String(n)))
const packages = await Promise.all(folders.map((one) => openPluginFolder(one)))
await kernel.installAll(packages.map((pkg) => ({ pkg })))
const wrong = kernel.plugins().find(({ stage, reason }) => stage !== 'active' && !reason?.includes('first use'))
if (wrong) throw new Error(`${wrong.id} is ${wrong.stage}: ${wrong.reason}`)
await serve(
  async () => kernel.host().processes.map(({ pid }) => pid),
  () => kernel.stop(),
)
