// bench/src/fixtures.ts: builds what is measured: plugins as their authors would, peers as plain JavaScript.
import { join } from 'node:path'
import { buildPlugin } from '@pryx/sdk/build'
import { build } from 'esbuild'

export const benchFolder = join(import.meta.dirname, '..')

/** Builds the plugin `fixtures/NAME` and answers its folder. */
export async function pluginFixture(
  name: 'planner' | 'echo' | 'listener' | 'chooser',
): Promise<{ folder: string; kb: number }> {
  const folder = join(import.meta.dirname, 'fixtures', name)
  const { bytes } = await buildPlugin(folder)
  return { folder, kb: Math.round(bytes / 1_000) }
}

/**
 * Builds `peers/NAME.ts` or `hosts/NAME.ts` and answers the file. Built, because stripping types costs a process 30 ms
 * and 20 MB that would be charged to the peer. A peer is one file with all it needs; a host imports its packages.
 */
export async function script(kind: 'peers' | 'hosts', name: string, variant?: 'without-zod'): Promise<string> {
  const outfile = join(benchFolder, 'dist', kind, `${name}${variant ? `-${variant}` : ''}.mjs`)
  await build({
    entryPoints: [join(import.meta.dirname, kind, `${name}.ts`)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['source'], // as the plugin's own build: the same code is dropped
    target: 'node24',
    logLevel: 'warning',
    ...(kind === 'hosts' && { packages: 'external' }),
    ...(variant && { alias: { zod: join(import.meta.dirname, 'peers/zod-stand-in.ts') } }),
  })
  return outfile
}
