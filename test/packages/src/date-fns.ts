// test/packages/src/date-fns.ts: formatting, parsing and arithmetic, in local time and in two languages.
import {
  addMonths,
  differenceInBusinessDays,
  eachWeekOfInterval,
  format,
  formatDistance,
  intervalToDuration,
  parse,
  startOfISOWeek,
} from 'date-fns'
import { de, ja } from 'date-fns/locale'
import { pluginOf } from './work.ts'

export function work(): unknown[] {
  const from = new Date(2026, 0, 31, 13, 5, 9)
  const to = new Date(2026, 2, 2)
  return [
    format(from, "EEEE, do MMMM yyyy 'at' HH:mm:ss"),
    format(from, 'PPPP', { locale: de }),
    format(from, 'PPPp', { locale: ja }),
    format(addMonths(from, 1), 'yyyy-MM-dd'),
    format(startOfISOWeek(from), "RRRR-'W'II-i"),
    formatDistance(from, to, { addSuffix: true, locale: de }),
    differenceInBusinessDays(to, from),
    intervalToDuration({ start: from, end: to }),
    eachWeekOfInterval({ start: from, end: to }).map((date) => format(date, 'MM-dd')),
    format(parse('3. März 2027', 'd. MMMM yyyy', from, { locale: de }), 'yyyy-MM-dd'),
  ]
}

export default pluginOf(work)
