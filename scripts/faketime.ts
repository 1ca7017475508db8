// scripts/faketime.ts: where libfaketime lies, which gives a process a wall clock that tests can set.
import { existsSync } from 'node:fs'

const PLACES = [
  process.env.FAKETIME_PATH,
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1',
]

/** Its path, or undefined where it is not installed. */
export function faketimeLibrary(): string | undefined {
  return PLACES.find((path) => path !== undefined && existsSync(path))
}
