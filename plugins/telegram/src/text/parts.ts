// plugins/telegram/src/text/parts.ts: a text as the messages Telegram takes: split, rendered, each within its limit. Pure.
import { plain, type Rendered, render } from './render.ts'
import { split, textOf } from './split.ts'

/** UTF-16 units of a message's text, after its entities are read. @see https://core.telegram.org/bots/api#sendmessage */
export const MAX_TEXT = 4_096
const MAX_SOURCE = 3_600 // room for bullets, tables and what closes a fence
const MIN_SOURCE = 64

/** Messages in order, none empty and none above 4,096 units as shown. */
export function partsOf(markdown: string): Rendered[] {
  return fitting(markdown, MAX_SOURCE)
}

function fitting(markdown: string, max: number): Rendered[] {
  return split(markdown, max)
    .flatMap((part) => {
      const source = textOf(part)
      const shown = render(source)
      if (shown.text.length <= MAX_TEXT) return [shown]
      return max / 2 >= MIN_SOURCE ? fitting(source, Math.floor(max / 2)) : [plain(source)]
    })
    .filter(({ text }) => text.trim() !== '')
}
