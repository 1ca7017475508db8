// packages/pryx/src/host/logins.ts: the browsers that are logged in, kept through restarts of the host.
//   L1  The file holds hashes alone. It is replaced whole; a damaged one is kept aside, and everybody opens a link again.
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { createLogin, type KeptSession, type Login } from '@pryx/capabilities'
import { z } from 'zod'
import { replaceSynced } from '../store/durable.ts'

const OWNER_ONLY = 0o600
const schema = z.strictObject({
  version: z.literal(1),
  sessions: z.array(
    z.strictObject({
      id: z.string().max(64),
      hash: z.string().length(43),
      agent: z.string().max(200),
      since: z.number(),
      seenAt: z.number(),
    }),
  ),
})

/** Nothing is written before somebody logs in. */
export function openLogins(file: string, onDamaged: (keptAs: string) => void = () => {}): Login {
  return createLogin({
    kept: read(file, onDamaged),
    keep: (sessions) => replaceSynced(file, `${JSON.stringify({ version: 1, sessions }, null, 2)}\n`, OWNER_ONLY),
  })
}

function read(file: string, onDamaged: (keptAs: string) => void): KeptSession[] {
  if (!existsSync(file)) return []
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8'))).sessions
  } catch {
    const keptAs = `${file}.corrupt-${Date.now()}`
    renameSync(file, keptAs)
    onDamaged(keptAs) // L1
    return []
  }
}
