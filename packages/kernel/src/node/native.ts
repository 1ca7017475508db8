// packages/kernel/src/node/native.ts: isolated-vm's binary, loaded by the path the kernel found: the sandbox process may read that file and no other.
import { createRequire } from 'node:module'

type IsolatedVm = typeof import('isolated-vm')

const path = process.argv[2]
if (path === undefined) throw new Error('usage: sandbox-child.mjs PATH-OF-ISOLATED-VM-BINARY')

export const ivm = (createRequire(import.meta.url)(path) as { ivm: IsolatedVm }).ivm
