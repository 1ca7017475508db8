// packages/pryx/src/control/socket-path.ts: where a host's control socket lies: in its data folder, if the path fits into a socket address.
import { createHash } from 'node:crypto'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'

const MAX_PATH_BYTES = 100 // of 108 on Linux and 104 on macOS

/** Server and client find the same path for the same data folder. */
export function socketPath(data: string, runtime: string | undefined = process.env.XDG_RUNTIME_DIR): string {
  const folder = resolve(data)
  const near = join(folder, 'control.sock')
  if (Buffer.byteLength(near) <= MAX_PATH_BYTES) return near
  const name = `${createHash('sha256').update(folder).digest('hex').slice(0, 24)}.sock`
  return join(runtime || tmpdir(), `pryx-${userInfo().uid}`, name)
}
