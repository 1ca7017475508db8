// @pryx/sdk/build: builds plugins.

export type { BuiltPlugin, PluginBuilder } from './build.ts'
export { buildPlugin, openBuilder } from './build.ts'
