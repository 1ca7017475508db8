// packages/pryx/src/cli/lint.ts: `pryx lint`.
import { resolve } from 'node:path'
import type { Report } from '../author/inspect.ts'
import { bytes, type Style, safeLines } from '../terminal/style.ts'
import { EXIT } from './exit.ts'
import type { Output } from './output.ts'

export async function lint(output: Output, options: { strict?: boolean }, folder: string): Promise<void> {
  const { inspectPlugin } = await import('../author/inspect.ts')
  const { manifest, ...report } = await inspectPlugin(resolve(folder))
  const failed = report.findings.some(({ level }) => level === 'error' || options.strict === true)
  if (failed) process.exitCode = EXIT.failure
  output.result({ name: manifest.name, version: manifest.version, ...report }, textOf(report, output.style))
}

function textOf({ findings, bytes: size, tools }: Omit<Report, 'manifest'>, style: Style): string {
  const lines = findings.map(({ level, code, message, hint, place = 'package.json' }) => {
    const mark = level === 'error' ? style.red('✖') : style.yellow('▲')
    return `${mark} ${style.bold(place)} ${safeLines(message)} ${style.dim(`[${code}]`)}\n  ${style.cyan('→')} ${safeLines(hint)}`
  })
  const errors = findings.filter(({ level }) => level === 'error').length
  const tokens = tools.reduce((sum, one) => sum + one.tokens, 0)
  const cost =
    tools.length > 0 ? `, ${tools.length} ${tools.length === 1 ? 'tool' : 'tools'} of about ${tokens} tokens` : ''
  const verdict =
    findings.length === 0
      ? `${style.green('✔')} The manifest says what the code does`
      : `${errors} ${errors === 1 ? 'error' : 'errors'}, ${findings.length - errors} to look at`
  return [...lines, `${verdict} ${style.dim(`(${bytes(size)}${cost})`)}`].join('\n')
}
