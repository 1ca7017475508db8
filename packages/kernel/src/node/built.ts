// packages/kernel/src/node/built.ts: files of this package that are run or read as files. Found by the package's own name, so that an
//   application may bundle the kernel into one file.
import { createRequire } from 'node:module'
import { SandboxError } from '../contract/index.ts'

/** Absolute path of a file in `dist/sandbox`. @throws SANDBOX_NOT_BUILT */
export function builtFile(name: 'sandbox-child.mjs' | 'guest.js' | 'guest-lean.js'): string {
  try {
    return createRequire(import.meta.url).resolve(`@pryx/kernel/sandbox/${name}`)
  } catch (cause) {
    throw new SandboxError('SANDBOX_NOT_BUILT', `${name} of @pryx/kernel is not there`, {
      cause,
      hint: 'In a checkout run `pnpm build` once; elsewhere install @pryx/kernel anew.',
    })
  }
}
