// plugins/desktop/src/plugin.ts: what the user shall hear of, on the screen (S3).
//   D1  The same notice is shown once, however often it is told; one that escalates is shown again each time it comes.
//   D2  Only the scheduler and the kernel are listened to: no other plugin puts words on the screen through this one.
//   D3  A desktop that is not there, or that the user keeps from it, is said once in the log, and harms nothing.
import { Desktop, definePlugin, type PluginContext, PryxError } from '@pryx/sdk'
import { z } from 'zod'

const SCHEDULER = 'scheduler' // under which pryx.json has it
const REMEMBERED = 500 // notices that were shown; the scheduler keeps a thousand
const MAX_BODY = 1_000
const URGENCY = { info: 'normal', warning: 'normal', error: 'critical' } as const

const level = z.enum(['info', 'warning', 'error'])
const config = z.object({
  notices: z.array(level).default(['info', 'warning', 'error']),
  approvals: z.boolean().default(true),
})
const noticeSchema = z.object({
  id: z.string(),
  level,
  title: z.string(),
  text: z.string(),
  left: z.number().int().default(0),
})
const approvalSchema = z.object({ plugin: z.string(), sentence: z.string() })
const shownSchema = z.array(z.string())

export default definePlugin({
  config,
  async activate(ctx) {
    const show = await openDesktop(ctx)
    const shown = new Set(shownSchema.catch([]).parse(ctx.previous ?? []))
    ctx.events.on('notice.raised', async (payload, { from }) => {
      const { data } = noticeSchema.safeParse(payload)
      if ((from !== SCHEDULER && from !== 'host') || data === undefined) return // D2
      const { id, level, title, text, left } = data
      const key = `${id} ${left}`
      if (shown.has(key) || !ctx.config.notices.includes(level)) return // D1
      await show({ title: cut(title, 200) || id, body: cut(text, MAX_BODY), urgency: URGENCY[level] })
      remember(key)
    })
    ctx.events.on('approval.needed', async (payload, { from }) => {
      const { data } = approvalSchema.safeParse(payload)
      if (from !== 'kernel' || data === undefined || !ctx.config.approvals) return // D2
      const title = cut(`${data.plugin} asks`, 200)
      await show({ title, body: cut(`It wants to ${data.sentence}. Answer on the page or in the terminal.`, MAX_BODY) })
    })

    function remember(key: string): void {
      shown.add(key)
      for (const oldest of shown) {
        if (shown.size <= REMEMBERED) break
        shown.delete(oldest)
      }
      ctx.checkpoint([...shown])
    }
  },
})

/** D3: what it answers shows a note, or leaves it out. */
async function openDesktop(ctx: PluginContext<unknown>): Promise<Desktop['notify']> {
  const desktop = await ctx.use(Desktop)
  let said = '' // why the last note was not shown
  return async (note) => {
    try {
      await desktop.notify(note)
      said = ''
    } catch (error) {
      const code = PryxError.is(error) ? error.code : 'ERROR'
      if (code !== said) ctx.log.warn('a notice was not shown', error)
      said = code
    }
  }
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}
