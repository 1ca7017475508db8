// bench/src/kernel-for-bench.ts: a kernel as an application makes one, on a folder of its own that goes with it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel, type KernelOptions, type NodeKernel } from '@pryx/kernel'

/** Consent is given, no standby process: what is measured has one owner. The rest are defaults. */
export async function openBenchKernel(owner: AsyncDisposableStack, options: KernelOptions = {}): Promise<NodeKernel> {
  const folder = await mkdtemp(join(tmpdir(), 'pryx-bench-'))
  owner.defer(() => rm(folder, { recursive: true, force: true }))
  const kernel = await createKernel({
    data: folder,
    workspace: folder,
    consent: 'declared',
    standby: 'never',
    ...options,
  })
  owner.defer(() => kernel.stop())
  kernel.on('sandbox.replaced', (fact) =>
    console.error('a sandbox process was replaced, which spoils the figures:', fact),
  )
  kernel.on('plugin.failed', (fact) => console.error('a plugin failed, which spoils the figures:', fact))
  return kernel
}

/** Pids of its sandbox processes. */
export function sandboxPids(kernel: NodeKernel): number[] {
  return kernel.host().processes.map(({ pid }) => pid)
}
