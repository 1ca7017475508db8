// bench/src/router.ts: how long the router thinks: decisions over the whole catalogue, timed inside the sandbox, against its budget of 1 ms.
//   There is no peer to run beside it: routers one could take instead decide among the deployments of one configuration, or are services elsewhere.
import type { Bench } from './bench.ts'
import { Chooser } from './fixtures/chooser/src/service.ts'
import { pluginFixture } from './fixtures.ts'
import { openBenchKernel } from './kernel-for-bench.ts'
import { type Figures, interleave, quantile, subjectsOf } from './rounds.ts'

const BUDGET_MS = 1
const PER_CALL = 60 // decisions a turn of the guest; a turn has 250 ms
const CALLS = 34

export const router: Bench = {
  name: 'router',
  about: 'deciding on a model among all of the catalogue, in the sandbox, against a budget of 1 ms',
  limitMs: 120_000,
  async run(rounds) {
    await using owner = new AsyncDisposableStack()
    const kernel = await openBenchKernel(owner)
    const { folder } = await pluginFixture('chooser')
    await kernel.installFolder(folder)
    const chooser = await kernel.use(Chooser)
    const samples = await interleave(rounds, [() => measure(chooser)])
    const p99 = quantile(samples.get('decision.p99') ?? [], 0.5)
    return {
      subjects: subjectsOf(samples, ABOUT),
      ratios: { budgetMs_vs_p99: Number((BUDGET_MS / p99).toPrecision(3)) },
    }
  },
}

const ABOUT = {
  'decision.p50': ['ms', 'one decision over 5,276 models, every strategy and five kinds of needs in turn'],
  'decision.p99': ['ms', 'the same, 99 of 100 are quicker'],
} as const

async function measure(chooser: Chooser): Promise<Figures> {
  const times: number[] = []
  for (let call = 0; call < CALLS; call++) times.push(...(await chooser.decide(call * PER_CALL, PER_CALL)))
  return { 'decision.p50': quantile(times, 0.5), 'decision.p99': quantile(times, 0.99) }
}
