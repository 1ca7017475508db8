// bench/src/hosts/serve.ts: the other end of host.ts.
import { createInterface } from 'node:readline'

/** Says that it is ready, answers each line, ends with stdin. */
export async function serve(answer: (line: string) => unknown, stop: () => Promise<void>): Promise<void> {
  console.log('ready')
  for await (const line of createInterface({ input: process.stdin }))
    console.log(JSON.stringify((await answer(line)) ?? null))
  await stop()
}
