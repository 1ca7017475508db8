// packages/sdk/src/testing/host.ts: the kernel under a harness: real isolates, everything it keeps in memory, and a user who is the test.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Approval,
  type Clock,
  createIds,
  createSandboxes,
  type Kernel,
  openKernel,
  sha256,
  VERSION,
} from '@pryx/kernel'
import type { Capability, Limits, Permission, PluginId } from '@pryx/kernel/contract'
import { createMemoryAudit, createMemoryGrants, snapshots } from './stores.ts'

/** What to answer to a question of the kernel, as the user would. `wait`: nobody answers. */
export type AskPolicy = 'allow' | 'deny' | 'wait' | ((approval: Approval) => 'allow' | 'deny' | 'wait')

export interface HostOptions {
  /** Folder for the plugins' data and the workspace; the caller's to remove. */
  root: string
  clock: Clock
  capabilities: readonly Capability[]
  limits: Partial<Limits> | undefined
  ask: AskPolicy
  /** What is granted to the plugin under test before it starts; its neighbours get what they declare. */
  grant: readonly Permission[] | 'declared'
  plugin: PluginId
}

export async function openHost({
  root,
  clock,
  capabilities,
  limits,
  ask,
  grant,
  plugin,
}: HostOptions): Promise<Kernel> {
  const workspace = join(root, 'workspace')
  mkdirSync(workspace)
  const startedAt = Date.now()
  const kernel: Kernel = await openKernel(
    {
      clock,
      ids: createIds(),
      sandboxes: createSandboxes({ snapshots }),
      grants: createMemoryGrants(),
      audit: createMemoryAudit(),
      hash: sha256,
    },
    {
      version: VERSION,
      capabilities,
      workspace,
      dataOf: (id) => dataFolder(root, id),
      consent: async (question) => {
        const all = question.plugin !== plugin || grant === 'declared'
        return { allow: all ? question.undecided : await grantEach(), duration: 'forever', by: 'harness' }
      },
      limits,
      standby: 'never',
      host: () => ({ node: process.versions.node, pid: process.pid, startedAt, rssBytes: process.memoryUsage.rss() }),
    },
  )
  answerQuestions(kernel, ask)
  return kernel

  /** Grants what the test listed, which may be narrower than what is declared. Nothing is left for the blanket answer. */
  async function grantEach(): Promise<readonly Permission[]> {
    for (const permission of grant)
      await kernel.permissions.grant(plugin, permission, { mode: 'allow', duration: 'forever', by: 'harness' })
    return []
  }
}

function answerQuestions(kernel: Kernel, policy: AskPolicy): void {
  kernel.on('approval.needed', (payload) => {
    const approval = payload as Approval
    const answer = typeof policy === 'function' ? policy(approval) : policy
    if (answer === 'wait') return
    queueMicrotask(() => {
      const open = kernel.approvals.pending().some(({ id }) => id === approval.id) // the test may have been first
      if (open) kernel.approvals.resolve(approval.id, { answer, duration: 'once', by: 'harness' })
    })
  })
}

function dataFolder(root: string, plugin: PluginId): string {
  const folder = join(root, 'data', plugin.replaceAll('/', '__'))
  mkdirSync(folder, { recursive: true })
  return folder
}
