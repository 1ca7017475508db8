// packages/kernel/src/contract/name.ts: what a plugin is called for short.

/** `@pryx/plugin-scheduler` and `pryx-plugin-scheduler` are `scheduler` for short. */
export function shortName(packageName: string): string {
  return packageName.replace(/^@[^/]+\//, '').replace(/^(pryx-)?plugin-/, '')
}
