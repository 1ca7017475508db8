// packages/create-pryx-plugin/src/questions.test.ts: the command at a terminal: what the flags left open is asked, and Ctrl-C writes nothing.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { BIN, openDesk } from './scaffold-testing.ts'

const SLOW = { timeout: 200_000 } // on a busy machine
const [DOWN, ENTER, CTRL_C] = ['\u001b[B', '\r', '\u0003']

const hasTerminal = (() => {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux')
  } catch {
    return false
  }
})()

test.runIf(hasTerminal)(
  'K9: at a terminal what is open is asked, one after the other, and makes the plugin',
  SLOW,
  async () => {
    using desk = openDesk()

    const { code } = await typed(
      desk.folder,
      [],
      [
        ['Name', `my-notes${ENTER}`],
        ['Begin with', `${DOWN}${ENTER}`],
        ['Description', `Keeps notes.${ENTER}`],
        ['Install what it needs', `n`],
      ],
    )

    expect(code).toBe(0)
    const folder = readdirSync(desk.folder).find((name) => name.includes('my-notes'))!
    const { description, pryx } = JSON.parse(readFileSync(desk.path(folder, 'package.json'), 'utf8'))
    expect(description).toBe('Keeps notes.')
    expect(pryx.entry).toBe('dist/plugin.js')
    expect(existsSync(desk.path(folder, 'node_modules'))).toBe(false)
  },
)

test.runIf(hasTerminal)(
  'K9: what the flags say is not asked; a name that cannot be one is told and asked again',
  SLOW,
  async () => {
    using desk = openDesk()

    const { code, text } = await typed(
      desk.folder,
      ['--template', 'service', '--description', 'x', '--no-install'],
      [
        ['Name', `no good${ENTER}`],
        ['▲', `\u007f\u007f\u007f\u007f\u007f\u007f\u007fgood${ENTER}`],
      ],
    )

    expect(code).toBe(0)
    expect(text).not.toContain('Begin with')
    expect(readdirSync(desk.folder).some((name) => name.endsWith('good'))).toBe(true)
  },
)

test.runIf(hasTerminal)('K9: Ctrl-C at any question writes nothing', SLOW, async () => {
  for (const question of ['Name', 'Begin with']) {
    using desk = openDesk()
    const before = readdirSync(desk.folder)

    const { code, text } = await typed(desk.folder, question === 'Name' ? [] : ['my-notes'], [[question, CTRL_C!]])

    expect(code, question).toBe(130)
    expect(text).toContain('nothing was written')
    expect(readdirSync(desk.folder)).toEqual(before)
  }
})

/** Runs the command at a pseudo terminal; types each text a moment after its prompt has come. */
function typed(
  cwd: string,
  args: readonly string[],
  keys: readonly (readonly [prompt: string, text: string])[],
): Promise<{ code: number | null; text: string }> {
  const words = ['stty cols 120 rows 40;', process.execPath, BIN, ...args].join(' ')
  const child = spawn('script', ['-qec', words, '/dev/null'], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, TERM: 'xterm' },
    timeout: 90_000, // nothing is left waiting for an answer
  })
  let text = ''
  let from = 0
  const waiting = [...keys]
  child.stdout.on('data', (chunk) => {
    text = stripVTControlCharacters(text + chunk)
    const [prompt, answer] = waiting[0] ?? []
    const at = prompt === undefined ? -1 : text.indexOf(prompt, from)
    if (at < 0) return
    from = at + prompt!.length
    waiting.shift()
    setTimeout(() => child.stdin.write(answer!), KEY_AFTER_MS)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, text }))
  })
}

const KEY_AFTER_MS = 300 // the question listens by then
