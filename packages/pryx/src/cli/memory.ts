// packages/pryx/src/cli/memory.ts: gives back what a start needed and idling does not: some 7 MB of modules' leftovers.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const CALM_MS = 1_500

/** Collects once, when the rush of the start is over. Takes some 30 ms then, in which nothing is urgent. */
export function tidyAfterStart(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as (options: object) => void
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  }, CALM_MS).unref()
}
