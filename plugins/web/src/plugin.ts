// plugins/web/src/plugin.ts: wiring only. Hears every event, serves the page and its API.
import { definePlugin, Http, Kernel, Plugins } from '@pryx/sdk'
import { createApi } from './api.ts'
import { createChannels } from './channels.ts'
import { createChatHub } from './chat/hub.ts'
import { createChatServices } from './chat/services.ts'
import { webEvents } from './events.ts'
import { createInstalls } from './installs.ts'
import { asSnapshot, createJournal } from './journal.ts'
import { Web } from './service.ts'
import { createTasks } from './tasks.ts'
import { type Clock, createWatch } from './watch.ts'

/** What the page shall still show after its sandbox process was lost. */
const KEPT = /^(alert|approval|permission|sandbox)\.|^plugin\.(stage|failed)$/
const KEEP_EVERY_MS = 1_000

/** Facts after which the picture is taken anew at once; `plugin.log` and the like come too often for that. */
const CHANGES = /^(approval|permission|task|sandbox)\.|^plugin\.(stage|failed)$/

export default definePlugin({
  async activate(ctx) {
    const clock: Clock = { now: () => Date.now(), after }
    const kernel = await ctx.use(Kernel)
    const tasks = createTasks(ctx, clock.now)
    const plugins = await ctx.tryUse(Plugins)
    const installs = plugins && createInstalls(plugins, clock)
    const journal = createJournal(crypto.randomUUID().slice(0, 8), asSnapshot(ctx.previous))
    const watch = createWatch(kernel, tasks, clock)
    const keep = atMostEvery(KEEP_EVERY_MS, () => ctx.checkpoint(journal.snapshot()))

    const channels = createChannels(ctx, () => watch.look())
    const chat = createChatServices(ctx)
    const hub = createChatHub()

    ctx.events.on('**', (data, { name, from, at }) => {
      if (hub.heard(name, data, { from })) return // it passes by
      journal.add({ name, from, at, data })
      if (name.startsWith('task.')) tasks.changed()
      if (CHANGES.test(name)) watch.nudge()
      if (KEPT.test(name)) keep()
    })

    const http = await ctx.use(Http)
    await http.serve(
      '/api',
      createApi({ kernel, tasks, installs, channels, chat, hub, journal, watch, clock, signal: ctx.signal }),
    )
    await http.static('/', 'dist/page', { spa: true })
    ctx.provide(Web, { url: () => http.url(), viewers: async () => watch.viewers })
    await ctx.emit(webEvents.ready, { url: await http.url() })
    return { handOver: () => journal.snapshot() }
  },
})

function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** Runs `work` once in a while, however often it is asked to. */
function atMostEvery(ms: number, work: () => void): () => void {
  let waiting = false
  return () => {
    if (waiting) return
    waiting = true
    after(ms, () => {
      waiting = false
      work()
    })
  }
}
