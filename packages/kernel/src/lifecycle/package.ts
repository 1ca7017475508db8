// packages/kernel/src/lifecycle/package.ts: a plugin as the kernel gets it: what it says of itself, and its one file of code.
import type { Manifest } from '../contract/index.ts'

export interface PluginPackage {
  readonly manifest: Manifest
  /** Absolute folder of the package; static files are served from it. */
  readonly folder: string
  /** Names the content: equal revision, equal code and manifest. */
  readonly revision: string
  code(): Promise<string>
  /** Its code with a source map and its sources inside, for a debugger; absent where there is none. */
  inspectable?(): Promise<string>
  /** A guest's stack with positions of the author's sources, where a source map is known. */
  mapStack(stack: string): string
}
