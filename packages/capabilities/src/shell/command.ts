// packages/capabilities/src/shell/command.ts: what a command line comes to: a program, a folder and an environment (K4).
//   O1  A program comes from the host's PATH by its bare name, never from a place a plugin may write to.
//   O2  The environment begins empty. What changes which code a program loads cannot be handed in.
import { accessSync, constants, realpathSync, type Stats, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { CapabilityError, type PluginPlace } from '@pryx/kernel/contract'
import { z } from 'zod'
import { isCommandName } from './grammar.ts'

const MAX_ARGS = 256
const MAX_ARG = 65_536 // characters
const HANDED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'USER', 'LOGNAME']
const LOADS_CODE =
  /^(LD_|DYLD_|NODE_|BUN_|DENO_|NPM_|PNPM_|YARN_|PYTHON|PERL|RUBY|GEM_|BUNDLE_|LUA_|PHP|JAVA|_JAVA|JDK_|CLASSPATH|BASH|ZDOTDIR|GIT_|SSH_|GCONV|LOCPATH|MALLOC_|GLIBC|PRYX_|XDG_|DOCKER_|LESS|MAN)/i
const STEERS =
  /^(PATH|HOME|SHELL|ENV|IFS|CDPATH|PS[0-9]|PROMPT_COMMAND|EDITOR|VISUAL|PAGER|BROWSER|HOSTALIASES|TMPDIR|USER|LOGNAME)$|_(COMMAND|OPTIONS|OPTS|PRELOAD|PATH|HOME|RC|EDITOR|PAGER|PROXY)$/i

export interface HostEnvironment {
  /** Environment of the host; only a few names of it are handed on. */
  env: Readonly<Record<string, string | undefined>>
}

export interface Program {
  /** Absolute path. Its last links are kept, for programs of many names go by the name they are called by. */
  file: string
  cwd: string
  env: Record<string, string>
}

export const commandName = z.string().refine(isCommandName, 'the bare name of a program')
export const commandArgs = z
  .array(
    z
      .string()
      .max(MAX_ARG)
      .refine((text) => !text.includes('\0'), 'text without NUL'),
  )
  .max(MAX_ARGS)
  .optional()
export const commandEnv = z
  .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'a variable name'), z.string().max(MAX_ARG))
  .optional()
export const commandCwd = z
  .string()
  .max(4_096)
  .refine((text) => !text.includes('\0'), 'a path')
  .optional()

export interface CommandLine {
  command: string
  cwd?: string | undefined
  env?: Record<string, string> | undefined
}

/** @throws SHELL_NOT_FOUND, SHELL_CWD, SHELL_ENV. */
export function prepareCommand(
  { command, cwd, env = {} }: CommandLine,
  place: PluginPlace,
  host: HostEnvironment,
): Program {
  const folders = trustedFolders(host.env.PATH ?? '', place)
  return {
    file: findProgram(command, folders, place),
    cwd: findFolder(cwd, place),
    env: { ...baseEnvironment(host, folders), ...checkEnvironment(env) },
  }
}

function findProgram(command: string, folders: string[], place: PluginPlace): string {
  for (const folder of folders) {
    const file = join(folder, command)
    const real = executable(file)
    if (real !== undefined && !isPluginPlace(real, place)) return file // O1
  }
  throw new CapabilityError('SHELL_NOT_FOUND', `no program called ${command} is on the PATH of this host`, {
    command,
    hint: 'Install it, or start Pryx with a PATH that leads to it. Folders in the workspace and folders anyone may write to do not count.',
  })
}

/** PATH without what is relative, is missing, lies in a plugin's reach or is open to all. */
function trustedFolders(path: string, place: PluginPlace): string[] {
  return path.split(delimiter).filter((folder) => {
    const real = isAbsolute(folder) ? realOf(folder) : undefined
    if (real === undefined || isPluginPlace(real, place)) return false
    const found = statSync(real)
    return found.isDirectory() && !isOpenToAll(found)
  })
}

function executable(path: string): string | undefined {
  const real = realOf(path)
  if (real === undefined) return undefined
  try {
    accessSync(real, constants.X_OK)
    const found = statSync(real)
    return found.isFile() && !isOpenToAll(found) ? real : undefined
  } catch {
    return undefined
  }
}

function findFolder(cwd: string | undefined, place: PluginPlace): string {
  const named = (cwd ?? '').replace(/^\$\{(workspace|data)\}/, (_match, name: 'workspace' | 'data') => place[name])
  const real = realOf(resolve(place.workspace, named))
  if (real !== undefined && isFolder(real) && [place.workspace, place.data].some((home) => isWithin(home, real)))
    return real
  throw new CapabilityError(
    'SHELL_CWD',
    `${cwd ?? 'the workspace'} is not a folder in the workspace or the plugin’s data`,
    {
      cwd,
      hint: 'Name a folder in the workspace, or one that begins with ${data}.',
    },
  )
}

function baseEnvironment({ env }: HostEnvironment, folders: string[]): Record<string, string> {
  const defaults = { HOME: homedir(), LANG: 'C.UTF-8' }
  const kept = Object.fromEntries(HANDED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
  return { ...defaults, ...kept, PATH: folders.join(delimiter) }
}

function checkEnvironment(env: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(env)) {
    if (!LOADS_CODE.test(name) && !STEERS.test(name) && !value.includes('\0')) continue // O2
    throw new CapabilityError('SHELL_ENV', `the variable ${name} cannot be handed to a program`, {
      name,
      hint: 'Variables that change which code a program runs are kept from it; use its arguments.',
    })
  }
  return env
}

function isPluginPlace(real: string, { workspace, data, package: own }: PluginPlace): boolean {
  return [workspace, data, own].some((folder) => isWithin(folder, real))
}

function isOpenToAll({ mode }: Stats): boolean {
  return (mode & 0o002) !== 0
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
