// packages/pryx/src/cli/doctor.ts: `pryx doctor`: everything a host needs, tried out, with the next step where something is wrong.
import { accessSync, constants, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel, type PluginPackage } from '@pryx/kernel'
import { PryxError, parseManifest } from '@pryx/kernel/contract'
import { connectControl } from '../control/client.ts'
import { readHolder } from '../host/lock.ts'
import { type Style, safe } from '../terminal/style.ts'
import { EXIT } from './exit.ts'
import type { Output } from './output.ts'
import { type CommonOptions, configOf, dataOf, withControl } from './target.ts'

interface Finding {
  check: string
  state: 'good' | 'note' | 'bad'
  text: string
  /** The next step. */
  hint?: string
}

export async function doctor(output: Output, options: CommonOptions): Promise<void> {
  const findings: Finding[] = [{ check: 'node', state: 'good', text: `Node ${process.versions.node}` }]
  findings.push(
    await trySandbox(),
    checkConfig(options),
    checkData(options),
    await checkHost(options),
    ...(await checkRecords(options)),
  )
  const good = findings.every(({ state }) => state !== 'bad')
  output.result({ good, findings }, findings.map((one) => findingText(one, output.style)).join('\n'))
  if (!good) process.exitCode = EXIT.failure
}

/** Starts a plugin of one line in a sandbox process, as a host would. */
async function trySandbox(): Promise<Finding> {
  const folder = mkdtempSync(join(tmpdir(), 'pryx-doctor-'))
  try {
    await using kernel = await createKernel({ data: folder, workspace: folder, standby: 'never' })
    const startedAt = performance.now()
    await kernel.install(smallest(folder), { id: 'doctor' })
    const { stage, reason } = kernel.status('doctor')
    const tookMs = Math.round(performance.now() - startedAt)
    if (stage === 'active')
      return { check: 'sandbox', state: 'good', text: `a plugin starts in its isolate (${tookMs} ms)` }
    return {
      check: 'sandbox',
      state: 'bad',
      text: `no plugin can start: ${reason ?? stage}`,
      hint: 'Install again with the same Node that runs this: isolated-vm brings a binary for it.',
    }
  } catch (error) {
    return bad('sandbox', error)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function smallest(folder: string): PluginPackage {
  const manifest = parseManifest(
    { name: 'pryx-plugin-doctor', version: '1.0.0', pryx: { engine: '*', entry: 'plugin.js' } },
    'package.json',
  )
  return {
    manifest,
    folder,
    revision: 'doctor',
    code: async () => 'export default { activate() {} }',
    mapStack: (stack) => stack,
  }
}

function checkConfig(options: CommonOptions): Finding {
  try {
    const { file, plugins } = configOf(options)
    return { check: 'config', state: 'good', text: `${file}, ${Object.keys(plugins).length} plugins` }
  } catch (error) {
    return PryxError.is(error, 'HOST_DOWN')
      ? { check: 'config', state: 'note', text: error.message, ...(error.hint && { hint: error.hint }) }
      : bad('config', error)
  }
}

function checkData(options: CommonOptions): Finding {
  const data = dataOf(options)
  if (!existsSync(data)) return { check: 'data', state: 'note', text: `${data} is not there yet; \`pryx up\` makes it` }
  try {
    accessSync(data, constants.W_OK)
  } catch (error) {
    return { ...bad('data', error), hint: `Run this as the owner of ${data}.` }
  }
  const open = (statSync(data).mode & 0o077) !== 0
  return open
    ? { check: 'data', state: 'bad', text: `${data} is open to other users`, hint: `Close it: chmod 700 ${data}` }
    : { check: 'data', state: 'good', text: data }
}

async function checkHost(options: CommonOptions): Promise<Finding> {
  const data = dataOf(options)
  try {
    const running = await connectControl(data)
    if (running === undefined)
      return { check: 'host', state: 'note', text: 'no host is running', hint: 'Start one: pryx up' }
    const { url, pid, processes } = await running.host()
    return {
      check: 'host',
      state: 'good',
      text: `running as process ${pid} at ${url}, with ${processes.length} sandbox processes`,
    }
  } catch (error) {
    const pid = readHolder(data)?.pid
    return { ...bad('host', error), ...(pid !== undefined && { hint: `Look at process ${pid}.` }) }
  }
}

/** Plugins and the audit log, if there is a configuration that can be read. */
async function checkRecords(options: CommonOptions): Promise<Finding[]> {
  try {
    return await withControl(options, {}, async (control, running) => {
      const { plugins, broken } = await control.plugins()
      const verdict = await control.auditVerify()
      return [
        ...plugins.map(
          ({ id, stage, reason }): Finding => ({
            check: `plugin ${id}`,
            state: stage === 'failed' ? 'bad' : stage === 'active' || !running ? 'good' : 'note',
            text: `${running ? stage : 'can be loaded'}${running && reason ? `: ${reason}` : ''}`,
            ...(stage === 'failed' && { hint: `See \`pryx logs ${id}\`, then \`pryx plugins reload ${id}\`.` }),
          }),
        ),
        ...broken.map(
          ({ id, error }): Finding => ({
            check: `plugin ${id}`,
            state: 'bad',
            text: error.message,
            ...(error.hint && { hint: error.hint }),
          }),
        ),
        verdict.whole
          ? { check: 'audit', state: 'good', text: `the record is whole: ${verdict.entries} entries` }
          : {
              check: 'audit',
              state: 'bad',
              text: `${verdict.file}:${verdict.line}: ${verdict.reason}`,
              hint: 'Keep the files as they are, and find out who wrote to them.',
            },
      ]
    })
  } catch (error) {
    return PryxError.is(error, 'HOST_DOWN') || (PryxError.is(error) && error.code.startsWith('CONFIG_'))
      ? []
      : [bad('records', error)]
  }
}

function bad(check: string, error: unknown): Finding {
  const hint = PryxError.is(error) ? error.hint : undefined
  return {
    check,
    state: 'bad',
    text: error instanceof Error ? error.message : String(error),
    ...(hint !== undefined && { hint }),
  }
}

function findingText({ check, state, text, hint }: Finding, style: Style): string {
  const mark = state === 'good' ? style.green('✔') : state === 'bad' ? style.red('✖') : style.yellow('○')
  return `${mark} ${style.bold(safe(check))}: ${safe(text)}${hint ? `\n  ${style.cyan('→')} ${safe(hint)}` : ''}`
}
