// kill -9 of a real host, at commits and at random moments, in the middle of workflows and of tasks: nothing acknowledged is lost, no step
// marked idempotent takes effect twice, and each step of which nobody can know is told to be ambiguous (S8 S10). A receiver that is asked
// again with a key it knows does nothing, so an effect is a key; steps without a mark must be asked once.
import { expect, test } from 'vitest'
import { createPlace, type Effect, type Host, type Place, until } from './hosts.ts'

const ROUNDS = process.env.PRYX_DEEP ? 1_000 : 8
const STEPS = 6
const COMMITS = 30 // of a start, and of a workflow with its steps; deaths fall on all of them
const LONGEST_LIFE_MS = 1_200
const isIdempotent = (step: number) => step % 3 !== 2

const flow = {
  steps: Array.from({ length: STEPS }, (_, i) => ({
    id: `s${i}`,
    idempotent: isIdempotent(i),
    do: { kind: 'tool', name: 'world.act', input: { name: `s${i}`, key: `\${run.id}/s${i}` } },
  })),
  output: `\${steps.s${STEPS - 1}.output}`,
}

test(`S8 S10: ${ROUNDS} times kill -9, at commits and in between: nothing acknowledged is lost, nothing idempotent doubled, the ambiguous told`, {
  timeout: 5_400_000,
}, async () => {
  await using place = createPlace()
  const acknowledged = new Set<string>()
  const ambiguous = new Set<string>()

  for (let round = 0; round < ROUNDS; round++) {
    const atCommit = round % 2 === 0
    const dieAt = {
      commit: 1 + ((round * 7) % COMMITS),
      when: round % 4 === 0 ? ('before' as const) : ('after' as const),
    }
    const host = await place.start(atCommit ? { dieAt } : {})
    if (host === undefined) continue // it died while it came up
    const life = live(host, place, acknowledged, ambiguous)
    if (!atCommit) setTimeout(() => void host.kill(), (round * 97) % LONGEST_LIFE_MS)
    const longest = setTimeout(() => void host.kill(), 10_000) // it had fewer commits to make than it was to live
    await Promise.allSettled([life, host.gone])
    clearTimeout(longest)
  }

  const last = await place.up()
  const { scheduler } = last
  await until(
    'all workflows are over',
    async () => (await allOver(last, place, acknowledged, ambiguous)).length === 0,
    120_000,
  )
  for (const id of acknowledged) {
    for (let step = 0; step < STEPS; step++) expectOnce(place.effects(), `${id}/s${step}`, isIdempotent(step))
  }
  expect(untold).toEqual([])
  for (const step of ambiguous) expect(isIdempotent(Number(step.split('/s')[1]))).toBe(false)
  const beat = (await scheduler.list({ owner: '*' })).find(({ name }) => name === 'beat')
  if (beat !== undefined) expect(await scheduler.ledger(beat.id, 0, Date.now())).toMatchObject({ balanced: true })
  console.log(`${ROUNDS} kills: ${acknowledged.size} workflows whole, ${ambiguous.size} steps told as ambiguous`)
})

/** What a user does until the host is gone: makes tasks, starts workflows, answers what is ambiguous after a look at the world. */
async function live(host: Host, place: Place, acknowledged: Set<string>, ambiguous: Set<string>): Promise<void> {
  const { scheduler } = host
  await scheduler.createOrUpdate({ name: 'beat', trigger: { kind: 'interval', everyMs: 1_000 }, action: act('beat') })
  const task = await scheduler.createOrUpdate({
    ...{ name: 'flow', trigger: { kind: 'manual' }, overlap: { kind: 'allow', max: 8 } },
    action: { kind: 'workflow', flow },
  })
  for (;;) {
    acknowledged.add((await scheduler.runNow(task.id)).id)
    while ((await allOver(host, place, acknowledged, ambiguous)).length > 4)
      await new Promise((go) => setTimeout(go, 20))
  }
}

/** Answers what is asked. @returns The acknowledged runs that are not over. */
async function allOver(
  { scheduler }: Host,
  place: Place,
  acknowledged: ReadonlySet<string>,
  ambiguous: Set<string>,
): Promise<string[]> {
  const open: string[] = []
  for (const id of acknowledged) {
    if (over.has(id)) continue
    const { status, result } = await scheduler.run(id)
    if (status === 'ok' && result === `s${STEPS - 1}`) over.add(id)
    else open.push(id)
    if (status !== 'running') continue
    for (const step of await scheduler.steps(id)) {
      if (step.status !== 'ambiguous') continue
      ambiguous.add(`${id}/${step.path}`)
      const told = (await scheduler.notices(200)).some((notice) =>
        notice.id.startsWith(`ambiguous:${id}:${step.path}:`),
      )
      if (!told) untold.push(`${id}/${step.path}`)
      const happened = place.effects().some(({ key }) => key === `${id}/${step.path}`)
      await scheduler.answer(id, step.path, happened ? { output: step.path } : { again: true })
    }
  }
  return open
}
const untold: string[] = []
const over = new Set<string>() // a task keeps its last 100 runs: who has seen one whole need not ask again

function expectOnce(effects: readonly Effect[], key: string, idempotent: boolean): void {
  const times = effects.filter((effect) => effect.key === key).length
  expect([key, times > 0, idempotent || times === 1]).toEqual([key, true, true])
}

function act(name: string) {
  return { kind: 'tool' as const, name: 'world.act', input: { name, key: '${run.id}' } }
}
