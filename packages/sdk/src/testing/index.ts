// @pryx/sdk/testing: a plugin under test, in a real isolate under a real kernel.

export type { TestClock } from './clock.ts'
export type { RecordedEvent } from './events.ts'
export type { Fakes } from './fakes.ts'
export type { Harness, HarnessOptions, ReloadOptions } from './harness.ts'
export { createHarness } from './harness.ts'
export type { AskPolicy } from './host.ts'
export type { PluginSource } from './package.ts'
export type { RecordedCall } from './recording.ts'

declare global {
  /** Tests run in Node, where `import.meta.dirname` names the folder of the file; a plugin's own types know no Node. */
  interface ImportMeta {
    dirname: string
  }
}
