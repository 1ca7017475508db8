// packages/pryx/src/cli/trace.ts: `pryx trace`: where the time of requests goes. The host records while this looks.
import { CapabilityError } from '@pryx/kernel/contract'
import { traceLine, traceText } from '../terminal/waterfall.ts'
import type { Output } from './output.ts'
import { type CommonOptions, runningHost } from './target.ts'
import { interrupted } from './top.ts'

export interface TraceOptions extends CommonOptions {
  /** ms. */
  slow: number
  plugin?: string
  number: number
  follow?: boolean
  tree?: boolean
}

export async function showTrace(output: Output, options: TraceOptions, id?: string): Promise<void> {
  const host = await runningHost(options)
  const { style } = output
  if (id !== undefined) {
    const trace = await host.trace(id)
    if (trace === null) throw unknown(id)
    return output.result(trace, traceText(trace, style))
  }
  const filter = { minMs: options.slow, ...(options.plugin && { plugin: options.plugin }) }
  const print = options.tree ? traceText : traceLine
  const quit = interrupted()
  for (const trace of await host.traces(options.number, filter)) output.line(trace, print(trace, style))
  if (!options.follow) return
  output.note(style.dim(`Requests of ${options.slow} ms and more, as they end. Ctrl-C ends this.`))
  for await (const trace of host.followTraces(filter, quit)) output.line(trace, print(trace, style))
}

function unknown(id: string): CapabilityError {
  return new CapabilityError('TRACE_UNKNOWN', `there is no trace "${id.slice(0, 80)}"`, {
    hint: 'The host keeps the last 500, and records only while somebody looks: `pryx trace --follow`.',
  })
}
