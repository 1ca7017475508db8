// examples/embed/plugin/src/plugin.ts: offers the greeter, counts, and hands the count to its next instance.
import { definePlugin } from '@pryx/sdk'
import { Greeter, greeterEvents } from './service.ts'

export default definePlugin({
  activate(ctx) {
    let times = (ctx.previous as { times: number } | undefined)?.times ?? 0
    ctx.provide(Greeter, {
      async greet(name) {
        times++
        await ctx.emit(greeterEvents.greeted, { name, times })
        return `Hello, ${name}!`
      },
    })
    return { handOver: () => ({ times }) }
  },
})
