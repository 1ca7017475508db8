// @pryx/sdk/build: builds plugins.
export { buildPlugin, openBuilder } from './build.ts'
export type { BuiltPlugin, PluginBuilder } from './build.ts'
