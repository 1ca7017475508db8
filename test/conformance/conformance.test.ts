// test/conformance/conformance.test.ts: what web standards say, asked of a guest in its sandbox and of Node beside it.
//   `results.json` holds how far both come, `docs/conformance.md` says it in words. `vitest run test/conformance -u` writes them anew;
//   what passes and did not, or fails and did not, fails here until then.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestKernel, type TestKernel } from '../../packages/kernel/src/kernel-testing.ts'
import { buildPlugin } from '../../packages/sdk/src/build/index.ts'
import { areas } from './areas.ts'
import { type Area, type Outcome, runCases } from './case.ts'
import { excluded } from './excluded.ts'
import { Conformance } from './plugin/src/service.ts'
import { type AreaResult, markdownOf, resultsOf } from './report.ts'

const AT_ONCE = 8 // cases that one call runs side by side
const LEAST = 0.9 // of all cases of an area, what is left out included: scope is not bent until it fits
const TRIES = 3
const folder = join(import.meta.dirname, 'plugin')
const page = join(import.meta.dirname, '../../docs/conformance.md')

let host: TestKernel
let guest: Conformance
const results = new Map<string, AreaResult>()

beforeAll(async () => {
  await buildPlugin(folder)
  host = await createTestKernel()
  await host.kernel.installFolder(folder)
  guest = await host.kernel.use(Conformance)
})
afterAll(() => host[Symbol.asyncDispose]())

test.each(areas)(
  '$name: the guest does what the standard says, but for what is excluded with a reason',
  async (area) => {
    const inGuest = await inSteps(area, (from, to) => guest.run(area.name, from, to))
    const inNode = await inSteps(area, (from, to) => runCases(area.cases.slice(from, to)))
    results.set(area.name, { area, guest: inGuest, node: inNode })

    const left = new Set(excluded.get(area.name)?.keys())
    const surprises = inGuest.filter(({ title, passed }) => passed === left.has(title))
    expect(surprises).toEqual([])
    expect(inGuest.filter(({ passed }) => passed).length / inGuest.length).toBeGreaterThanOrEqual(LEAST)
  },
)

test('no area has two cases of one title, and nothing is excluded that is not there', () => {
  for (const { name, cases } of areas) {
    const titles = cases.map(([title]) => title)
    expect(
      titles.filter((title, at) => titles.indexOf(title) !== at),
      name,
    ).toEqual([])
    expect([...(excluded.get(name)?.keys() ?? [])].filter((title) => !titles.includes(title))).toEqual([])
  }
})

test('the pass rates are those that were kept', async () => {
  const all = areas.flatMap(({ name }) => results.get(name) ?? [])
  expect(all).toHaveLength(areas.length)
  const kept = resultsOf(all)
  console.log(
    Object.entries(kept.areas)
      .map(([name, { guest, cases }]) => `${name}: ${guest} of ${cases}`)
      .join('\n'),
  )

  await expect(`${JSON.stringify(kept, null, 2)}\n`).toMatchFileSnapshot('results.json')
  await expect(markdownOf(all)).toMatchFileSnapshot(page)
})

test('the guide quotes the figures as they are', () => {
  const kept = JSON.parse(readFileSync(join(import.meta.dirname, 'results.json'), 'utf8')) as ReturnType<
    typeof resultsOf
  >
  const guide = readFileSync(join(import.meta.dirname, '../../docs/guides/web-standards.md'), 'utf8')

  expect(guide).toContain(`${kept.all.guest} of ${kept.all.cases}`)
})

/** A case that fails is asked again by itself: some wait for timers, on a machine that may be busy. */
async function inSteps({ cases }: Area, run: (from: number, to: number) => Promise<Outcome[]>): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (let at = 0; at < cases.length; at += AT_ONCE) outcomes.push(...(await run(at, at + AT_ONCE)))
  for (const [at, { passed }] of outcomes.entries()) if (!passed) outcomes[at] = await alone(at)
  return outcomes

  async function alone(at: number): Promise<Outcome> {
    let last: Outcome[] = []
    for (let tries = 1; tries < TRIES && last[0]?.passed !== true; tries++) last = await run(at, at + 1)
    return last[0]!
  }
}
