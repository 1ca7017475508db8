import { expect, test } from 'vitest'
import { settleNamespace } from './settle.ts'

/** As a bundler makes them. */
function namespace(values: Record<string, unknown>): object {
  const made = {}
  for (const [name, value] of Object.entries(values))
    Object.defineProperty(made, name, { get: () => value, enumerable: true, configurable: true })
  return made
}

test('N1: a settled namespace holds values where it had getters, and so do those inside it', () => {
  const live = {
    get now() {
      return 1
    },
    later: 2,
  }
  const inner = namespace({ a: 1 })
  const outer = namespace({ inner, live, again: undefined })

  settleNamespace(outer)

  expect(Object.getOwnPropertyDescriptor(outer, 'inner')).toEqual({
    value: inner,
    writable: false,
    enumerable: true,
    configurable: false,
  })
  expect(Object.getOwnPropertyDescriptor(inner, 'a')).toMatchObject({ value: 1 })
  expect(Object.getOwnPropertyDescriptor(live, 'now')?.get).toBeDefined()
})

test('N1: namespaces that hold each other are settled once', () => {
  const one = namespace({ a: 1 })
  Object.defineProperty(one, 'self', { get: () => one, enumerable: true, configurable: true })

  settleNamespace(one)

  expect(one).toMatchObject({ a: 1 })
})
