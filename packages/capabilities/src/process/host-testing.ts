// packages/capabilities/src/process/host-testing.ts: a host that starts processes and waits to be killed (K11).
//   argv: folder for notes, workspace.
import { judgedCaller } from '../testing-call.ts'
import { createProcessCapability, type ProcessStatus } from './process.ts'

const [, , recordFolder = '', workspace = ''] = process.argv
const place = { plugin: 'tools', workspace, data: workspace, package: workspace }
const caller = judgedCaller(createProcessCapability({ recordFolder }), place, ['sh', 'sleep'])
const plain = await caller.call<ProcessStatus>('start', [{ command: 'sleep', args: ['60'] }])
const script = 'setsid sleep 61 & echo $!; wait'
const parent = await caller.call<ProcessStatus>('start', [{ command: 'sh', args: ['-c', script] }])
const output = await caller.call<ReadableStream<{ text: string }>>('output', [parent.id])
const { value } = await output.getReader().read()
process.stdout.write(`${JSON.stringify([plain.pid, parent.pid, Number(value?.text)])}\n`)
