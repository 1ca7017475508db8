// packages/pryx/src/cli/top.ts: `pryx top`: who uses what, live.

import { emitKeypressEvents } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Ledger } from '@pryx/kernel/contract'
import type { ControlClient } from '../control/client.ts'
import { type SortKey, topRows, topText } from '../terminal/top.ts'
import { EXIT } from './exit.ts'
import type { Output } from './output.ts'
import { type CommonOptions, runningHost } from './target.ts'

const ONCE_MS = 1_000 // between the two looks of --once
const [HOME, CLEAR_LINE, CLEAR_REST, HIDE, SHOW] = ['\u001b[H', '\u001b[K', '\u001b[J', '\u001b[?25l', '\u001b[?25h']
const [OTHER_SCREEN, OWN_SCREEN] = ['\u001b[?1049h', '\u001b[?1049l']

/** Keys that sort. */
const BY_KEY: Readonly<Record<string, SortKey>> = {
  c: 'cpu',
  h: 'heap',
  l: 'calls',
  i: 'in',
  o: 'out',
  e: 'events',
  n: 'name',
}

export interface TopOptions extends CommonOptions {
  once?: boolean
  sort: SortKey
  /** Seconds. */
  every: number
}

export async function top(output: Output, options: TopOptions): Promise<void> {
  const host = await runningHost(options)
  if (options.once) return once(output, host, options)
  if (output.json || !process.stdout.isTTY) return stream(output, host, options)
  await screen(output, host, options)
}

async function once(output: Output, host: ControlClient, { sort }: TopOptions): Promise<void> {
  const before = await host.ledger()
  await delay(ONCE_MS)
  const now = await host.ledger()
  const rows = topRows(now, before, sort)
  output.result({ ...now, rows }, topText(rows, sort, output.style))
}

/** A line of JSON, or a table, for each look. */
async function stream(output: Output, host: ControlClient, { sort, every }: TopOptions): Promise<void> {
  const quit = interrupted()
  let before = await host.ledger()
  while (await paused(every, quit)) {
    const now = await host.ledger()
    const rows = topRows(now, before, sort)
    output.line({ ...now, rows }, `${topText(rows, sort, output.style)}\n`)
    before = now
  }
}

/** The whole terminal, until q or Ctrl-C. Keys: BY_KEY. */
async function screen(output: Output, host: ControlClient, options: TopOptions): Promise<void> {
  let { sort } = options
  const quit = new AbortController()
  let before = await host.ledger()
  let now = before
  const { stdin, stdout } = process
  const draw = () => stdout.write(frame(now, before))
  stdout.write(`${OTHER_SCREEN}${HIDE}`)
  const release = listenForKeys((key) => {
    const wanted = BY_KEY[key]
    if (wanted) sort = wanted
    if (key === 'q' || key === '\u0003') quit.abort()
    else draw()
  })
  stdout.on('resize', draw)
  try {
    draw()
    while (await paused(options.every, quit.signal)) {
      const next = await host.ledger()
      ;[before, now] = [now, next]
      draw()
    }
  } finally {
    stdout.off('resize', draw)
    release()
    stdout.write(`${SHOW}${OWN_SCREEN}`)
    stdin.unref()
  }

  function frame(latest: Ledger, earlier: Ledger): string {
    const { style } = output
    const keys = style.dim('sort: c cpu · h heap · l calls · i in · o out · e events · n name · q quit')
    const text = topText(topRows(latest, earlier, sort), sort, style, (stdout.rows ?? 40) - 2)
    const lines = [...text.split('\n'), '', keys].map((line) => `${line}${CLEAR_LINE}`)
    return `${HOME}${lines.join('\n')}${CLEAR_REST}`
  }
}

function listenForKeys(onKey: (key: string) => void): () => void {
  const { stdin } = process
  if (!stdin.isTTY) return () => {}
  emitKeypressEvents(stdin)
  stdin.setRawMode(true)
  const listener = (text: string | undefined, key: { sequence?: string }) => onKey(text ?? key.sequence ?? '')
  stdin.on('keypress', listener)
  return () => {
    stdin.off('keypress', listener)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

/** False once it is to end. */
async function paused(seconds: number, quit: AbortSignal): Promise<boolean> {
  await delay(seconds * 1_000, undefined, { signal: quit }).catch(() => {})
  return !quit.aborted
}

export function interrupted(): AbortSignal {
  const stop = new AbortController()
  process.once('SIGINT', () => {
    process.exitCode = EXIT.interrupted
    stop.abort()
  })
  return stop.signal
}
