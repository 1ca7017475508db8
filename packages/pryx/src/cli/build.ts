// packages/pryx/src/cli/build.ts: `pryx build`.
import { resolve } from 'node:path'
import { bytes, safeLines } from '../terminal/style.ts'
import type { Output } from './output.ts'

export async function build(output: Output, folder: string): Promise<void> {
  const startedAt = performance.now()
  const { buildPlugin } = await import('@pryx/sdk/build')
  const { manifest, file, bytes: size, warnings } = await buildPlugin(resolve(folder))
  const tookMs = Math.round(performance.now() - startedAt)
  for (const warning of warnings) output.note(safeLines(warning))
  output.result(
    { name: manifest.name, version: manifest.version, file, bytes: size, warnings, tookMs },
    `${output.style.green('✔')} ${manifest.name} ${manifest.version} → ${file} ${output.style.dim(`(${bytes(size)}, ${tookMs} ms)`)}`,
  )
}
