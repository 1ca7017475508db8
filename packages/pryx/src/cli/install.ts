// packages/pryx/src/cli/install.ts: what `pryx add` and `pryx update` share: fetching with progress, asking, and a Ctrl-C that leaves no trace.
//   E1  Nothing is granted that was not answered with yes, or named by --allow.
import { UsageError } from '@pryx/kernel/contract'
import { type Candidate, obtain } from '../install/candidate.ts'
import type { Source } from '../registry/source.ts'
import { consentLine, createConsentPrompt, riskColour } from '../terminal/consent.ts'
import { createConversation } from '../terminal/conversation.ts'
import { createScreen, type Screen } from '../terminal/screen.ts'
import { bytes, type Style, safe, safeLines, styleFor } from '../terminal/style.ts'
import type { Bench, InstallOptions } from './bench.ts'
import { EXIT } from './exit.ts'
import type { Output } from './output.ts'

export interface ConsentOptions extends InstallOptions {
  yes?: boolean
  allow?: string[]
}

/** Aborts at Ctrl-C and sets the exit code; dispose to let Ctrl-C go. */
export function interruptible(): { signal: AbortSignal; interrupt(): void } & Disposable {
  const stop = new AbortController()
  const interrupt = () => {
    process.exitCode = EXIT.interrupted
    stop.abort(
      new UsageError('INTERRUPTED', 'stopped; everything is as it was', { hint: 'Run it again when you like.' }),
    )
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return {
    signal: stop.signal,
    interrupt,
    [Symbol.dispose]() {
      process.off('SIGINT', interrupt)
      process.off('SIGTERM', interrupt)
    },
  }
}

/** Fetches a candidate; tells how far it is, where someone looks. */
export async function fetchCandidate(
  bench: Bench,
  source: Exclude<Source, { kind: 'live' }>,
  {
    minAge,
    id,
    signal,
    quiet,
  }: { minAge?: number | undefined; id?: string | undefined; signal: AbortSignal; quiet: boolean },
): Promise<Candidate> {
  const screen = createScreen(process.stderr)
  const label = source.kind === 'npm' ? source.name : source.path
  const shown = !quiet && process.stderr.isTTY
  if (shown) screen.prompt(`Fetching ${safe(label)}…`)
  try {
    return await obtain(source, bench.workshop, {
      id,
      signal,
      minAgeDays: minAge,
      onProgress: ({ bytes: done, total }) =>
        shown && screen.prompt(`Fetching ${safe(label)}  ${bytes(done)}${total ? ` of ${bytes(total)}` : ''}`),
    })
  } finally {
    screen.prompt(undefined)
  }
}

/** What the user allows of `wanted`; undefined: do not install. @throws CONSENT_NEEDED, USAGE_ALLOW */
export async function askConsent(
  bench: Bench,
  candidate: Candidate,
  wanted: readonly string[],
  { yes, allow = [] }: ConsentOptions,
  { json, interrupt }: { json: boolean; interrupt(): void },
): Promise<readonly string[] | undefined> {
  const named = namedBy(bench, candidate, allow)
  const open = wanted.filter((one) => !named.includes(one))
  if (yes || open.length === 0) return wanted.filter((one) => named.includes(one)) // E1
  if (json || !process.stdin.isTTY || !process.stderr.isTTY) throw consentNeeded(candidate, open)
  const screen = createScreen(process.stderr)
  using conversation = createConversation({
    screen,
    keyboard: process.stdin,
    onInterrupt: () => {
      interrupt()
      conversation[Symbol.dispose]()
    },
  })
  const answer = await createConsentPrompt(
    conversation,
    screen,
    styleFor(process.stderr),
  )({
    plugin: candidate.id,
    manifest: candidate.manifest,
    undecided: open,
    screen: candidate.screen,
  })
  return answer && [...wanted.filter((one) => named.includes(one)), ...answer.allow]
}

/** What --allow names, of what is declared. */
function namedBy({ sources }: Bench, { id, declared, staged, entry }: Candidate, allow: readonly string[]): string[] {
  const place = sources.place(id, staged.folder)
  const { judge } = sources
  return allow.flatMap((text) => {
    const wanted = judge.normal(text, place)
    const found = declared.filter((one) => judge.covers(wanted, one))
    if (found.length > 0) return found
    throw new UsageError('USAGE_ALLOW', `${entry.name} does not ask for ${text}`, {
      found: text,
      hint: `It asks for: ${declared.join(', ') || 'nothing'}.`,
    })
  })
}

function consentNeeded({ entry }: Candidate, open: readonly string[]): UsageError {
  return new UsageError('CONSENT_NEEDED', `${entry.name} ${entry.version} asks for ${open.join(', ')}`, {
    asks: open.join(' '),
    hint: 'Answer at a terminal, or say --yes with --allow PERMISSION for each that you allow; the rest is asked at first use.',
  })
}

/** Beside the consent screen: where it comes from and what to know. */
export function tellFacts(
  output: Output,
  screen: Screen,
  { entry, notes, releaseNotes, passedOver }: Candidate,
  before?: string,
): void {
  if (output.json) return
  const style = styleFor(process.stderr)
  const version = before === undefined ? entry.version : `${before} → ${entry.version}`
  screen.print(`${style.bold(safe(entry.name))} ${version}  ${trustText(entry, style)}`)
  for (const note of notes) screen.print(`  ${style.yellow('▲')} ${safe(note)}`)
  for (const one of passedOver.slice(0, 3))
    screen.print(`  ${style.dim(`${safe(one.version)} was passed over: ${safe(one.reason)}`)}`)
  if (releaseNotes !== undefined) screen.print(style.dim(indent(safeLines(releaseNotes))))
}

export function trustText(
  { trust, provenance }: { trust: string; provenance?: string | undefined },
  style: Style,
): string {
  if (trust === 'provenance') return style.green(`built from ${safe(provenance ?? 'a known repository')}`)
  if (trust === 'signed') return style.green('signed by its registry')
  return trust === 'local' ? style.dim('from this machine') : style.yellow('not signed')
}

/** What is allowed and what is not, after the fact. */
export function grantText({ screen }: Candidate, allow: readonly string[], style: Style): string {
  return screen.lines
    .map(
      (line) =>
        `${consentLine(line, style)}  ${allow.includes(line.permission) ? style.green('allowed') : riskColour('medium', style)('asked at first use')}`,
    )
    .join('\n')
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  │ ${line}`)
    .join('\n')
}
