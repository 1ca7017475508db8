import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesPattern } from '../contract/index.ts'
import { decide } from './decide.ts'
import type { Grant } from './grant.ts'

const where = { workspace: '/w' }
const words = fc.constantFrom('a', 'b', '*', '**')
const permission = fc.array(words, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'))
const wanted = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'))
const now = 1_000

const grant: fc.Arbitrary<Grant> = fc.record({
  id: fc.uuid(),
  plugin: fc.constant('notes'),
  permission,
  mode: fc.constantFrom('allow' as const, 'ask' as const, 'deny' as const),
  duration: fc.oneof(
    fc.constantFrom('once' as const, 'session' as const, 'forever' as const),
    fc.record({ until: fc.integer({ min: 0, max: 2_000 }) }),
  ),
  scope: fc.oneof(
    fc.constant({ kind: 'host' as const }),
    fc.record({
      kind: fc.constantFrom('workspace' as const, 'network' as const),
      key: fc.constantFrom('/w', '/other'),
    }),
  ),
  at: fc.nat(),
  by: fc.constant('test'),
})

const grants = fc.array(grant, { maxLength: 8 })
const declared = fc.array(permission, { maxLength: 4 })

function verdict(want: string, declaredList: string[], grantList: Grant[], at = now) {
  return decide(want, { declared: declaredList, grants: grantList, where, now: at, covers: matchesPattern })
}

function forever(mode: Grant['mode'], text: string): Grant {
  const scope = { kind: 'host' } as const
  return { id: 'g', plugin: 'notes', permission: text, mode, duration: 'forever', scope, at: 0, by: 'test' }
}

describe('deciding', () => {
  test('K4: the newest grant that holds wins; none means ask', () => {
    expect(verdict('a', ['a'], [])).toMatchObject({ kind: 'ask', declared: 'a' })
    expect(verdict('a', ['a'], [forever('allow', 'a'), forever('deny', 'a')])).toMatchObject({ kind: 'deny' })
    expect(verdict('a', ['a'], [forever('deny', 'a'), forever('allow', '**')])).toMatchObject({ kind: 'allow' })
    expect(verdict('a', ['a'], [forever('allow', 'a'), forever('ask', 'a')])).toMatchObject({ kind: 'ask' })
  })

  test('K4: a deny of a part bites on the whole', () => {
    expect(verdict('a.**', ['**'], [forever('allow', '**'), forever('deny', 'a.b')])).toMatchObject({ kind: 'deny' })
  })

  test('K4: a workspace grant holds for its workspace only', () => {
    const here: Grant = { ...forever('allow', 'a'), scope: { kind: 'workspace', key: '/w' } }
    const there: Grant = { ...here, scope: { kind: 'workspace', key: '/other' } }
    expect(verdict('a', ['a'], [here]).kind).toBe('allow')
    expect(verdict('a', ['a'], [there]).kind).toBe('ask')
  })

  test('K4: what is not declared is never allowed nor asked, whatever was granted', () => {
    fc.assert(
      fc.property(wanted, declared, grants, (want, list, given) => {
        const covered = list.some((own) => matchesPattern(own, want))
        expect(verdict(want, list, given).kind === 'deny' || covered).toBe(true)
      }),
    )
  })

  test('K4: what was denied last is never allowed, whatever came before', () => {
    fc.assert(
      fc.property(wanted, declared, grants, permission, (want, list, given, denied) => {
        fc.pre(matchesPattern(denied, want))
        expect(verdict(want, list, [...given, forever('deny', denied)]).kind).toBe('deny')
      }),
    )
  })

  test('K4: an expired grant, and one of another place, changes nothing', () => {
    fc.assert(
      fc.property(wanted, declared, grants, grant, fc.nat(8), (want, list, given, dead, at) => {
        const expired: Grant = { ...dead, duration: { until: now } }
        const elsewhere: Grant = { ...dead, scope: { kind: 'workspace', key: '/other' } }
        const more = [...given.slice(0, at), expired, elsewhere, ...given.slice(at)]
        expect(verdict(want, list, more)).toEqual(verdict(want, list, given))
      }),
    )
  })

  test('K4: a deny or a narrower manifest never turns a no into a yes', () => {
    fc.assert(
      fc.property(wanted, declared, grants, grant, fc.nat(8), (want, list, given, more, at) => {
        const before = verdict(want, list, given).kind
        const withDeny = [...given.slice(0, at), { ...more, mode: 'deny' as const }, ...given.slice(at)]
        if (before !== 'allow') expect(verdict(want, list, withDeny).kind).not.toBe('allow')
        if (before !== 'allow') expect(verdict(want, list.slice(1), given).kind).not.toBe('allow')
      }),
    )
  })

  test('K4: a verdict holds until the time it names', () => {
    fc.assert(
      fc.property(wanted, declared, grants, fc.nat(2_000), (want, list, given, later) => {
        const first = verdict(want, list, given)
        fc.pre(later >= now && later < first.until)
        expect(verdict(want, list, given, later).kind).toBe(first.kind)
      }),
    )
  })
})
