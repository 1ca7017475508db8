// packages/pryx/src/terminal/style.ts: colours, where they are wanted, and text that came from elsewhere made safe to print.
import pc from 'picocolors'

export type Style = ReturnType<typeof pc.createColors>

/** Colours for `stream`: a terminal, or forced; never under NO_COLOR. @see https://no-color.org */
export function styleFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Style {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '' && env.FORCE_COLOR !== '0'
  return pc.createColors(!env.NO_COLOR && (forced || (stream.isTTY === true && env.TERM !== 'dumb')))
}

/** Text of a plugin or a file on one line, without control characters: it cannot move the cursor, colour what follows, or fake a prompt. */
export function safe(text: unknown, max = 500): string {
  return clean(String(text), max).trim()
}

/** As `safe`, with its line breaks and indentation. */
export function safeLines(text: string, max = 8_000): string {
  return text
    .split('\n')
    .map((line) => clean(line.replaceAll('\t', '  '), max).trimEnd())
    .join('\n')
    .slice(0, max)
}

function clean(text: string, max: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ')
  return plain.length > max ? `${plain.slice(0, max - 1)}…` : plain
}

/** Rows in columns, as wide as their widest cell; colours do not count. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell))
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat(widths[i]! - widthOf(cell))))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes
  return text.replace(/\u001b\[\d+m/g, '').length
}

export function bytes(n: number): string {
  return n < 1_048_576 ? `${Math.round(n / 1_024)} KB` : `${(n / 1_048_576).toFixed(1)} MB`
}

/** A place in a file, from the current folder. */
export function shortPlace(place: string): string {
  return safe(place.startsWith(`${process.cwd()}/`) ? place.slice(process.cwd().length + 1) : place)
}

export function clockTime(at: number): string {
  return new Date(at).toTimeString().slice(0, 8)
}

export function dateTime(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').slice(0, 19)
}
