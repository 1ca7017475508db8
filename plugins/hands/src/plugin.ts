// plugins/hands/src/plugin.ts: the tools `shell.run` and `http.request`. What may be run and asked is the manifest's and the user's word,
// judged by the kernel at each call; this code has no list of its own.
import { definePlugin, Net, Shell } from '@pryx/sdk'
import { z } from 'zod'
import { httpRequest, httpSchema } from './http.ts'

const shellSchema = z.strictObject({
  command: z.string().min(1).max(64),
  args: z.array(z.string().max(8_192)).max(256).default([]),
  cwd: z.string().max(1_024).optional(),
  timeoutMs: z.number().int().min(1_000).max(600_000).default(300_000),
})

export default definePlugin({
  activate(ctx) {
    ctx.tools.provide({
      name: 'shell.run',
      input: shellSchema,
      async run({ command, args, cwd, timeoutMs }, { signal }) {
        const shell = await ctx.use(Shell)
        return shell.run({ command, args, timeoutMs, ...(cwd !== undefined && { cwd }) }, { signal })
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
