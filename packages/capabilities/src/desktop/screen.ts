// packages/capabilities/src/desktop/screen.ts: how a note gets onto the screen: by the program each system has for it.
//   S1  Words are arguments of that program and never a line for a shell or a script.
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { CapabilityError } from '@pryx/kernel/contract'

const SHOW_MS = 5_000
const NEEDED = [
  'PATH',
  'HOME',
  'LANG',
  'DISPLAY',
  'WAYLAND_DISPLAY',
  'XAUTHORITY',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
]
const APPLESCRIPT = [
  'on run argv',
  'display notification (item 3 of argv) with title (item 1 of argv) subtitle (item 2 of argv)',
  'end run',
].flatMap((line) => ['-e', line])

export type Urgency = 'low' | 'normal' | 'critical'

export interface Note {
  /** Who speaks, as the user shall read it. */
  from: string
  title: string
  body: string
  urgency: Urgency
}

export interface Screen {
  /** Whether somebody's desktop can be reached from here. */
  available(): boolean
  /** @throws DESKTOP_NONE, DESKTOP_FAILED. */
  show(note: Note, signal: AbortSignal): Promise<void>
}

export interface ScreenOptions {
  platform?: NodeJS.Platform
  env?: Readonly<Record<string, string | undefined>>
}

/** `notify-send` on Linux, `osascript` on macOS; other systems have no screen yet. */
export function createScreen({ platform = process.platform, env = process.env }: ScreenOptions = {}): Screen {
  return {
    available: () => fileOf() !== undefined,
    async show(note, signal) {
      const file = fileOf()
      if (file === undefined) throw noDesktop(platform)
      await run(file, platform === 'darwin' ? appleArgs(note) : linuxArgs(note), signal)
    },
  }

  function fileOf(): string | undefined {
    if (platform === 'darwin') return programIn(env, 'osascript')
    return platform === 'linux' && hasSessionBus(env) ? programIn(env, 'notify-send') : undefined
  }

  function run(file: string, args: string[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const options = { env: envOf(env), timeout: SHOW_MS, killSignal: 'SIGKILL', signal } as const
      execFile(file, args, options, (error, _, words) => {
        if (error === null) resolve()
        else reject(signal.aborted ? signal.reason : failed(file, error, words))
      })
    })
  }
}

function linuxArgs({ from, title, body, urgency }: Note): string[] {
  return ['--app-name', from, '--urgency', urgency, '--', `${from}: ${title}`, escapeMarkup(body)]
}

/** Its first word is ours, so that none of the plugin's is taken for an option. */
function appleArgs({ from, title, body }: Note): string[] {
  return [...APPLESCRIPT, from, title, body]
}

/** A body may hold markup, by the specification of desktop notifications; ours is text. */
function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function hasSessionBus(env: ScreenOptions['env'] = {}): boolean {
  return (
    Boolean(env.DBUS_SESSION_BUS_ADDRESS) ||
    (env.XDG_RUNTIME_DIR ? existsSync(join(env.XDG_RUNTIME_DIR, 'bus')) : false)
  )
}

/** What a program of the desktop needs to find it, and nothing else of the host's: there are keys among it. */
function envOf(env: ScreenOptions['env'] = {}): Record<string, string> {
  return Object.fromEntries(NEEDED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

function programIn(env: ScreenOptions['env'] = {}, name: string): string | undefined {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    if (!folder.startsWith('/')) continue
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {} // the next folder may have it
  }
  return undefined
}

function noDesktop(platform: string): CapabilityError {
  return new CapabilityError('DESKTOP_NONE', 'there is no desktop to show a note on', {
    platform,
    hint:
      platform === 'linux'
        ? 'Run Pryx in a desktop session and install notify-send (Debian: libnotify-bin).'
        : 'Notes are shown on Linux and macOS.',
  })
}

function failed(file: string, error: Error, words: string): CapabilityError {
  const reason = words.trim().split('\n')[0]?.slice(0, 200) || error.message.slice(0, 200)
  return new CapabilityError('DESKTOP_FAILED', `${file} did not show the note: ${reason}`, {
    hint: 'Try it by hand: notify-send Pryx hello. A service for notifications must run in the desktop session.',
  })
}
