// test/packages/src/grammy.ts: a bot by long polling: commands, text, buttons, a file, and what the server refuses.
import { definePlugin } from '@pryx/sdk'
import { Bot, GrammyError, InlineKeyboard, InputFile } from 'grammy'
import { WorkService } from './work.ts'

export default definePlugin({
  activate(ctx) {
    let bot: Bot
    ctx.provide(WorkService, {
      /** `{ url }` starts the bot there; `'stop'` ends it. */
      async run(input) {
        if (input === 'stop') return bot.stop()
        bot = createBot((input as { url: string }).url)
        void bot.start({ drop_pending_updates: true })
        return undefined
      },
    })
  },
})

function createBot(apiRoot: string): Bot {
  const bot = new Bot('123:secret', { client: { apiRoot } })
  bot.command('start', (ctx) =>
    ctx.reply(`Hello, ${ctx.from?.first_name}!`, {
      reply_markup: new InlineKeyboard().text('Yes', 'yes').url('More', 'https://example.com'),
    }),
  )
  bot.callbackQuery('yes', async (ctx) => {
    await ctx.answerCallbackQuery({ text: 'noted' })
    await ctx.editMessageText('You said yes')
  })
  bot.command('file', (ctx) =>
    ctx.replyWithDocument(new InputFile(new TextEncoder().encode('name,count\né,1\n'), 'list.csv'), {
      caption: 'here',
    }),
  )
  bot.command('fail', async (ctx) => {
    try {
      await ctx.api.sendMessage(0, 'nobody')
    } catch (error) {
      if (error instanceof GrammyError) await ctx.reply(`${error.error_code}: ${error.description}`)
    }
  })
  bot.hears(/echo (.+)/, (ctx) => ctx.reply(ctx.match[1] ?? ''))
  return bot
}
