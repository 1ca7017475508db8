// test/model/history.ts: random histories of a world, and how one is played.
import fc from 'fast-check'
import { LAB_METHODS, NAMES, openWorld, permissionsOf, type World } from './world.ts'

export type Step = { does: keyof World; with: unknown[]; rest: boolean }

const name = fc.constantFrom(...NAMES)
const number = fc.nat(20)
const behaviour = fc.constantFrom('answer', 'fail', 'hang', 'stream', 'act')
const duration = fc.oneof(
  fc.constantFrom('once', 'session', 'forever'),
  fc.constant({ until: Date.UTC(2026, 0, 1) + 50 }),
)
const choice = fc.record({ mode: fc.constantFrom('allow', 'allow', 'allow', 'ask', 'deny'), duration })
const ofName = fc.nat(100)

function arbitrary(does: keyof World, weight: number, ...args: fc.Arbitrary<unknown>[]) {
  const step = fc.record({
    does: fc.constant(does),
    with: args.length > 0 ? fc.tuple(...args) : fc.constant([]),
    rest: fc.boolean(),
  })
  return { weight, arbitrary: step as fc.Arbitrary<Step> }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  arbitrary('callLab', 12, name, fc.constantFrom(...LAB_METHODS), fc.constantFrom('one', 'one', 'two', '*')),
  arbitrary('callService', 6, name, name, behaviour),
  arbitrary('callTool', 4, name, name, behaviour),
  arbitrary('emit', 3, name),
  arbitrary('grant', 8, name, ofName, choice),
  arbitrary('revoke', 8, name, ofName),
  arbitrary('answer', 5, number, fc.constantFrom('allow', 'deny'), fc.constantFrom('once', 'session', 'forever')),
  arbitrary('cancel', 3, number),
  arbitrary('finish', 3, number),
  arbitrary('tick', 5),
  arbitrary('disk', 2, fc.boolean()),
  arbitrary('crash', 3, name, fc.constantFrom('isolate', 'process', 'neighbour')),
  arbitrary('reload', 3, name, fc.boolean()),
  arbitrary('disable', 1, name),
  arbitrary('enable', 2, name),
  arbitrary('remove', 1, name),
  arbitrary('install', 2, name),
  { weight: 3, arbitrary: jumps() },
)

export const histories = fc.array(step, { minLength: 5, maxLength: 30 })

function jumps(): fc.Arbitrary<Step> {
  return fc.record({
    does: fc.constant('clock' as const),
    with: fc.tuple(fc.constantFrom(1, 60, 1_100, 20_000, 310_000)),
    rest: fc.constant(true),
  }) as fc.Arbitrary<Step>
}

/** Plays a history from a fresh kernel on. Answers what went against the promises. */
export async function play(history: readonly Step[]): Promise<string[]> {
  const world = await openWorld()
  for (const one of NAMES) world.install(one)
  await world.rest()
  for (const one of NAMES)
    for (const permission of permissionsOf(one)) {
      if (permission === 'lab:*' || permission === 'lab:two') continue
      world.grant(one, permission, { mode: 'allow', duration: 'forever' })
    }
  await world.rest()
  for (const one of history) {
    perform(world, one)
    if (one.rest) await world.rest()
    if (world.findings.length > 0) break
  }
  if (world.findings.length === 0) await world.rest()
  if (world.findings.length === 0) await world.probe()
  if (world.findings.length === 0) await world.end()
  return world.findings
}

function perform(world: World, { does, with: args }: Step): void {
  if (does === 'clock') return world.clock.jump(args[0] as number)
  if (does === 'grant' || does === 'revoke') {
    const [who, which, how] = args as [(typeof NAMES)[number], number, Parameters<World['grant']>[2]]
    const all = permissionsOf(who)
    const permission = all[which % all.length] as string
    return does === 'grant' ? world.grant(who, permission, how) : world.revoke(who, permission)
  }
  const act = world[does] as (...args: unknown[]) => void
  act(...args)
}
