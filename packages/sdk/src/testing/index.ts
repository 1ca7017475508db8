// @pryx/sdk/testing: a plugin under test, in a real isolate under a real kernel.

export type { TestClock } from './clock.ts'
export type { Fakes } from './fakes.ts'
export type { AskPolicy, Harness, HarnessOptions, RecordedEvent, ReloadOptions } from './harness.ts'
export { createHarness } from './harness.ts'
export type { PluginSource } from './package.ts'
export type { RecordedCall } from './recording.ts'
