// bench/src/table.ts: a report for people.
import type { Report } from './bench.ts'

/** Subjects with their spread, then the ratios. */
export function tableOf({ bench, node, subjects, ratios }: Report): string {
  const rows = Object.entries(subjects).map(([name, { unit, min, median, max, what }]) => [
    name,
    unit,
    format(min),
    format(median),
    format(max),
    what,
  ])
  return [
    `\n── ${bench} (Node ${node}) ──`,
    ...aligned([['', 'unit', 'min', 'median', 'max', ''], ...rows]),
    ...aligned(Object.entries(ratios).map(([name, ratio]) => [name, `${format(ratio)} ×`])),
  ].join('\n')
}

/** Figures to the right, words to the left. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) =>
        /^[\d.]/.test(cell) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}

function format(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en-US') : String(value)
}
