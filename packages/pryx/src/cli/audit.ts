// packages/pryx/src/cli/audit.ts: `pryx audit`.
import { type AuditRecord, CapabilityError } from '@pryx/kernel/contract'
import { dateTime, type Style, safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { type CommonOptions, withControl } from './target.ts'

const ALL = 1_000 // as many as a host keeps at hand

export async function showAudit(
  output: Output,
  options: CommonOptions & { number: number; plugin?: string; outcome?: string },
): Promise<void> {
  const { number, plugin, outcome } = options
  await withControl(options, {}, async (control) => {
    const all = await control.auditTail(plugin === undefined && outcome === undefined ? number : ALL)
    const records = all
      .filter((one) => (plugin ?? one.plugin) === one.plugin && (outcome ?? one.outcome) === one.outcome)
      .slice(-number)
    output.result(
      records,
      records.length > 0 ? table(records.map((one) => row(one, output.style))) : 'Nothing is recorded.',
    )
  })
}

export async function verifyAudit(output: Output, options: CommonOptions): Promise<void> {
  await withControl(options, {}, async (control) => {
    const verdict = await control.auditVerify()
    if (verdict.whole)
      return output.result(verdict, `${output.style.green('✔')} The record is whole: ${verdict.entries} entries.`)
    process.exitCode = 1
    if (output.json) return output.result(verdict, '')
    throw new CapabilityError(
      'AUDIT_BROKEN',
      `the record is not whole: ${verdict.file || 'the log'}:${verdict.line}: ${verdict.reason}`,
      {
        file: verdict.file,
        hint: 'Entries before that line are proved. Keep the files as they are, and find out who wrote to them.',
      },
    )
  })
}

function row({ seq, at, plugin, act, access, outcome, ms, detail }: AuditRecord, style: Style): string[] {
  const colour = outcome === 'allowed' ? style.green : outcome === 'denied' ? style.red : style.yellow
  const what = [
    access.map((one) => safe(one)).join(', '),
    detail === undefined ? '' : style.dim(safe(JSON.stringify(detail), 160)),
  ]
    .filter(Boolean)
    .join(' ')
  return [
    style.dim(String(seq)),
    style.dim(dateTime(at)),
    colour(outcome),
    style.bold(safe(plugin)),
    safe(act),
    ms === undefined ? '' : style.dim(`${Math.round(ms * 10) / 10} ms`),
    what,
  ]
}
