// A host for as many copies of one plugin as it is asked for: `many-plugins DATA PLUGIN`. Answers with the pids of its sandbox processes.
import { createKernel, openPluginFolder } from '@pryx/kernel'
import { serve } from './serve.ts'

const MAX_PROCESS_BYTES = 4 * 1_024 ** 3 // above the default: all of them are to share one process

const [data = '', folder = ''] = process.argv.slice(2)
const kernel = await createKernel({ data, workspace: data, consent: 'declared', standby: 'never', maxProcessBytes: MAX_PROCESS_BYTES })
const pkg = await openPluginFolder(folder)
await kernel.install(pkg, { id: 'first' })
await serve(add, () => kernel.stop())

async function add(line: string): Promise<number[]> {
  const copies = Array.from({ length: Number(line) || 0 }, (_, n) => ({ pkg, options: { id: `copy-${n}` } }))
  await kernel.installAll(copies)
  const down = kernel.plugins().find(({ stage }) => stage !== 'active')
  if (down) throw new Error(`${down.id} is ${down.stage}: ${down.reason}`)
  return kernel.host().processes.map(({ pid }) => pid)
}
