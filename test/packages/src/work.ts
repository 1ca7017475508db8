// test/packages/src/work.ts: how the test has a package do something, in the guest or beside it.
import { definePlugin, defineService, type PluginDefinition } from '@pryx/sdk'

/** What a package is made to do. Input and answer are plain data. */
export type Work = (input: never) => unknown

export interface WorkService {
  run(input: unknown): Promise<unknown>
}
export const WorkService = defineService<WorkService>('work', '1.0.0')

/** A plugin that does `work` when asked. */
export function pluginOf(work: Work): PluginDefinition {
  return definePlugin({
    activate(ctx) {
      ctx.provide(WorkService, { run: async (input) => work(input as never) })
    },
  })
}
