// test/conformance/report.ts: the outcome as numbers to compare, and as a page to read.
import type { Area, Outcome } from './case.ts'
import { excluded } from './excluded.ts'

const HEAD = ['area', 'cases', 'guest', 'left out', 'guest, in scope', 'Node']

export interface AreaResult {
  area: Area
  guest: readonly Outcome[]
  node: readonly Outcome[]
}

interface Counted {
  cases: number
  guest: number
  node: number
}

/** Cases passed, by area and in all. */
export function resultsOf(results: readonly AreaResult[]): { all: Counted; areas: Record<string, Counted> } {
  const rows = results.map((result) => [result.area.name, count(result)] as const)
  const sum = (key: keyof Counted) => rows.reduce((total, [, row]) => total + row[key], 0)
  return { all: { cases: sum('cases'), guest: sum('guest'), node: sum('node') }, areas: Object.fromEntries(rows) }
}

function count({ guest, node }: AreaResult): Counted {
  const passed = (outcomes: readonly Outcome[]) => outcomes.filter((outcome) => outcome.passed).length
  return { cases: guest.length, guest: passed(guest), node: passed(node) }
}

export function markdownOf(results: readonly AreaResult[]): string {
  const { all, areas } = resultsOf(results)
  const rows = results.map(({ area }) =>
    row(`[${area.name}](${linkOf(area)})`, areas[area.name]!, excluded.get(area.name)?.size ?? 0),
  )
  const left = results.reduce((total, { area }) => total + (excluded.get(area.name)?.size ?? 0), 0)
  return `<!-- Written by test/conformance; \`vitest run test/conformance -u\` writes it anew. -->

# Conformance

Cases written from the standards, run in a plugin's isolate behind the wall and, as the reference, in Node ${process.versions.node} itself.
What a guest passes and what is left out with a reason together are all cases: anything else fails the test.

${table([HEAD, ...rows, row('**all**', all, left)])}

## Left out, and why

${results.flatMap(leftOut).join('\n\n')}

## Where Node says otherwise

The reference is not the standard. In these cases the guest, or the case, goes by the standard's text:

${results.flatMap(nodeDiffers).join('\n')}
`
}

function row(name: string, { cases, guest, node }: Counted, left: number): string[] {
  return [name, `${cases}`, `${guest}`, `${left}`, percent(guest, cases - left), percent(node, cases)]
}

/** Written as the formatter would. */
function table([head = [], ...rows]: string[][]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((cells) => cells[column]!.length)))
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  return [head, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n')
}

function percent(part: number, whole: number): string {
  return `${(Math.floor((part / whole) * 1_000) / 10).toFixed(1)} %`
}

function linkOf({ standard }: Area): string {
  return /^https:\S+/.test(standard)
    ? standard
    : 'https://ecma-international.org/publications-and-standards/standards/ecma-429/'
}

function leftOut({ area }: AreaResult): string[] {
  const reasons = Map.groupBy(excluded.get(area.name) ?? [], ([, reason]) => reason)
  if (reasons.size === 0) return []
  const items = [...reasons].map(
    ([reason, cases]) => `- ${cases.map(([title]) => `\`${title}\``).join(', ')}: ${reason}`,
  )
  return [`### ${area.name}\n\n${items.join('\n')}`]
}

function nodeDiffers({ area, guest, node }: AreaResult): string[] {
  return node
    .filter(({ passed }) => !passed)
    .map(
      ({ title }) =>
        `- ${area.name}: \`${title}\`${guest.some((o) => o.title === title && !o.passed) ? ' (nor does the guest)' : ''}`,
    )
}
