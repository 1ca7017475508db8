// packages/pryx/src/host/trusted.ts: the folders whose pryx.json the user trusts to be run (K10). A clone's is not, until its owner says so.
//   F1  Trust is the user's and lies with the user's settings, never in the folder; it is for that folder alone, by its real path.
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { PermissionError } from '@pryx/kernel/contract'
import { z } from 'zod'
import { replaceSynced } from '../store/durable.ts'

const schema = z.strictObject({
  version: z.literal(1),
  folders: z.record(z.string(), z.strictObject({ at: z.number() })),
})

export interface TrustedFolders {
  has(folder: string): boolean
  add(folder: string): void
  /** False if it was not trusted. */
  remove(folder: string): boolean
  list(): string[]
}

export function openTrustedFolders(env: NodeJS.ProcessEnv = process.env, now: () => number = Date.now): TrustedFolders {
  const file = join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'pryx', 'trusted.json')
  return {
    has: (folder) => Object.hasOwn(read(), real(folder)),
    add(folder) {
      const folders = read()
      if (!Object.hasOwn(folders, real(folder))) write({ ...folders, [real(folder)]: { at: now() } })
    },
    remove(folder) {
      const { [real(folder)]: found, ...others } = read()
      if (found !== undefined) write(others)
      return found !== undefined
    },
    list: () => Object.keys(read()).sort(),
  }

  function read(): z.infer<typeof schema>['folders'] {
    if (!existsSync(file)) return {}
    try {
      return schema.parse(JSON.parse(readFileSync(file, 'utf8'))).folders
    } catch {
      return {} // what cannot be read trusts nobody
    }
  }

  function write(folders: z.infer<typeof schema>['folders']): void {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    replaceSynced(file, `${JSON.stringify({ version: 1, folders }, null, 2)}\n`, 0o600)
  }
}

/** The error for a folder that nobody trusted yet. */
export function untrusted(folder: string): PermissionError {
  return new PermissionError(
    'FOLDER_UNTRUSTED',
    `you have not said that you trust ${folder}, so nothing its pryx.json names is run`,
    {
      file: folder,
      hint: 'Look at its pryx.json. Then say `pryx trust`, or start with --trust.',
    },
  )
}

function real(folder: string): string {
  const path = resolve(folder)
  return existsSync(path) ? realpathSync(path) : path
}
