// pryx: the reference host, for applications and tests that want to open one themselves.

export type { ControlClient } from './control/client.ts'
// The control socket of a running host.
export { connectControl } from './control/client.ts'
export type { Control, GrantChoice, LogLine, Span } from './control/control.ts'
export type { ConfigOverrides, HostConfig, PluginEntry } from './host/config.ts'
export { emptyConfig, loadConfig, parseConfig } from './host/config.ts'
export type { BrokenPlugin, Host, HostOptions, Incident } from './host/host.ts'
export { openHost } from './host/host.ts'
export type { Journal, JournalEvent } from './host/journal.ts'
