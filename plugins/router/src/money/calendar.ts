// plugins/router/src/money/calendar.ts: which day and month it is where the user is.
export interface Calendar {
  /** `2026-11-22`. */
  day(at: number): string
  /** `2026-11`. */
  month(at: number): string
}

/** @throws RangeError for a zone that does not exist */
export function createCalendar(timeZone?: string): Calendar {
  const format = new Intl.DateTimeFormat('en-US', {
    ...(timeZone && { timeZone }),
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  const day = (at: number) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
    return `${parts.year}-${parts.month}-${parts.day}`
  }
  return { day, month: (at) => day(at).slice(0, 7) }
}
