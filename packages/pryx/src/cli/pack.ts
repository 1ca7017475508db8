// packages/pryx/src/cli/pack.ts: `pryx pack` and `pryx publish`.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UsageError } from '@pryx/kernel/contract'
import type { Packed } from '../author/pack.ts'
import type { PublishChoice } from '../author/publish.ts'
import { bytes, type Style } from '../terminal/style.ts'
import type { Output } from './output.ts'

export async function pack(output: Output, options: { out?: string }, folder: string): Promise<void> {
  const packed = await packedFrom(folder)
  const target = resolve(options.out ?? '.')
  mkdirSync(target, { recursive: true })
  const path = join(target, packed.file)
  writeFileSync(path, packed.tarball)
  output.result(
    { ...about(packed), path },
    `${listing(packed, output.style)}\n${output.style.green('✔')} ${path} ${output.style.dim(`(${bytes(packed.tarball.length)})`)}`,
  )
}

type PublishOptions = PublishChoice & { dryRun?: boolean; registry?: string }

export async function publish(output: Output, options: PublishOptions, folder: string): Promise<void> {
  await refuseFaults(output, resolve(folder))
  const packed = await packedFrom(folder)
  const { planPublish, publishPlugin } = await import('../author/publish.ts')
  const { readSettings } = await import('../registry/settings.ts')
  const settings = readSettings(options)
  const plan = planPublish(packed, options, settings, process.env)
  const dryRun = options.dryRun === true
  output.note(listing(packed, output.style))
  output.note(
    `${dryRun ? 'Would be sent' : 'Sending'} to ${plan.registry} as ${plan.tag}, ${plan.access}${plan.provenance ? ', with provenance' : ''}`,
  )
  if (!dryRun) await publishPlugin(packed, plan, { auth: settings.auth, otp: options.otp })
  const { name, version } = packed.manifest
  output.result(
    { ...about(packed), ...plan, published: !dryRun },
    dryRun
      ? `${output.style.green('✔')} ${name} ${version} is ready; nothing was sent`
      : `${output.style.green('✔')} ${name} ${version} is published: pryx add ${name}`,
  )
}

async function packedFrom(folder: string): Promise<Packed> {
  const at = resolve(folder)
  if (existsSync(join(at, 'src/plugin.ts'))) {
    const { buildPlugin } = await import('@pryx/sdk/build')
    await buildPlugin(at)
  }
  const { packPlugin } = await import('../author/pack.ts')
  return packPlugin(at)
}

/** What the kernel would refuse on the user's machine is refused here. */
async function refuseFaults(output: Output, folder: string): Promise<void> {
  const { inspectPlugin } = await import('../author/inspect.ts')
  const { findings } = await inspectPlugin(folder)
  const errors = findings.filter(({ level }) => level === 'error')
  if (errors.length > 0)
    throw new UsageError('PUBLISH_LINT', `its manifest does not say what its code does: ${errors[0]!.message}`, {
      findings: errors.map(({ code, message, place }) => ({ code, message, place })),
      hint: '`pryx lint` shows all of it.',
    })
  if (findings.length > 0) output.note(`${findings.length} warnings; \`pryx lint\` shows them`)
}

function about({ manifest, files, tarball, integrity, unpackedBytes }: Packed) {
  const { name, version } = manifest
  return { name, version, files, bytes: tarball.length, unpackedBytes, integrity }
}

function listing({ manifest, files, unpackedBytes, integrity }: Packed, style: Style): string {
  return [
    `${style.bold(manifest.name)} ${manifest.version}`,
    ...files.map((file) => `  ${file}`),
    style.dim(`  ${files.length} files, ${bytes(unpackedBytes)}; ${integrity.slice(0, 27)}…`),
  ].join('\n')
}
