// plugins/hands/src/plugin.ts: the tools `shell.run` and `http.request`. What may be run and asked is the manifest's and the user's word,
// judged by the kernel at each call; this code has no list of its own.
import { definePlugin, defineService, Net } from '@pryx/sdk'
import { z } from 'zod'
import { httpRequest, httpSchema } from './http.ts'

const shellSchema = z.strictObject({
  command: z.string().min(1).max(64),
  args: z.array(z.string().max(8_192)).max(256).default([]),
  cwd: z.string().max(1_024).optional(),
  timeoutMs: z.number().int().min(1_000).max(600_000).default(300_000),
})

/** The part of the capability `shell` that is used. */
interface Shell {
  run(request: { command: string; args: string[]; cwd?: string; timeoutMs: number }): Promise<unknown>
}
const Shell = defineService<Shell>('shell', '1.0.0')

export default definePlugin({
  activate(ctx) {
    ctx.tools.provide({
      name: 'shell.run',
      input: shellSchema,
      async run({ command, args, cwd, timeoutMs }) {
        return (await ctx.use(Shell)).run({ command, args, timeoutMs, ...(cwd !== undefined && { cwd }) })
      },
    })
    ctx.tools.provide({
      name: 'http.request',
      input: httpSchema,
      async run(request, { signal }) {
        return httpRequest(await ctx.use(Net), request, signal)
      },
    })
  },
})
