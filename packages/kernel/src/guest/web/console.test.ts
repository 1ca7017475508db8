import { format as nodeFormat } from 'node:util'
import { describe, expect, test } from 'vitest'
import { useRealm } from './same-as-node.ts'

const use = useRealm()

const SNIPPETS = [
  `['text', 1, -0, 1.5, 10n, true, null, undefined, Symbol('s')]`,
  `['%s is %d and %i, %f, %j, %%, %o', 'x', 4.5, '7.9', '1.25', { a: 1 }, 'rest', { b: 2 }]`,
  `['%s', 'a', 'b']`,
  `['100%', 'x']`,
  `[{ a: 1, 'b-c': 'x', [Symbol('k')]: [1, 2] }, [], {}, [[]], [{}]]`,
  `[{ a: { b: { c: {} } } }]`,
  `[new Map([['a', { x: 1 }]]), new Set([1, 'b']), new Map()]`,
  `[[1, , 3], [undefined, null]]`,
  `[function f() {}, () => {}, class A {}, class B extends Map {}, async () => {}]`,
  `[new Date(0), /x/g, new Date(NaN)]`,
  `[new Uint8Array([1, 2]), new Float32Array(0)]`,
  `[{ get a() { return 1 }, set b(v) {}, get c() { return 1 }, set c(v) {} }]`,
  `[["it's", 'say "hi"', 'tab\\t', 'both\\'"', '\\x01']]`,
  `[(() => { const o = { name: 'x' }; o.self = o; return o })()]`,
  `[(() => { class Point { x = 1 } return new Point() })(), Object.create(null)]`,
  `[new (class Foo extends Map {})([[1, 2]]), new (class Bar {})()]`,
  `[{ long: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', other: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' }]`,
  `[{ outer: { long: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', other: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' } }]`,
  `[Object(1), Object('s'), Object(true)]`,
]

describe('console', () => {
  test.each(SNIPPETS)('prints as Node does: %s', async (snippet) => {
    const values = new Function(`return ${snippet}`)() as unknown[]

    await use.realm.run(`console.log(...${snippet})`)

    expect(use.realm.logs.at(-1)).toEqual(['info', nodeFormat(...values)])
  })

  test('levels, groups, counts, times and assertions', async () => {
    const before = use.realm.logs.length

    await use.realm.run(
      `console.debug('d'); console.warn('w'); console.error('e'); console.group('g'); console.info('in\\nside'); console.groupEnd(); console.count(); console.count('x'); console.assert(true, 'no'); console.assert(false, 'yes %d', 1); console.time('t'); console.timeEnd('t')`,
    )

    const logs = use.realm.logs.slice(before)
    expect(logs.slice(0, -1)).toEqual([
      ['debug', 'd'],
      ['warn', 'w'],
      ['error', 'e'],
      ['info', 'g'],
      ['info', '  in\n  side'],
      ['info', 'default: 1'],
      ['info', 'x: 1'],
      ['error', 'Assertion failed: yes 1'],
    ])
    expect(logs.at(-1)?.[1]).toMatch(/^t: \d+\.\dms$/)
  })

  test('errors show their stack, cause and fields', async () => {
    await use.realm.run(
      `console.error(Object.assign(new TypeError('bad', { cause: new Error('why') }), { code: 'X' }))`,
    )

    const text = use.realm.logs.at(-1)?.[1] ?? ''
    expect(text).toMatch(/^TypeError: bad\n {4}at /)
    expect(text).toContain("code: 'X'")
    expect(text).toContain('[cause]: Error: why')
  })

  test('web objects show what they hold', async () => {
    await use.realm.run(`console.log(new Headers({ a: 'b' }), new URL('http://a/b'), new Response('x'))`)

    expect(use.realm.logs.at(-1)?.[1]).toContain("Headers { 'a' => 'b' } URL { href: 'http://a/b' } Response {")
  })

  test('no value is too large, too deep or too hostile for a line', async () => {
    await use.realm.run(`const deep = {}; let at = deep; for (let i = 0; i < 1e4; i++) at = at.next = {}
      const text = 'x'.repeat(100); const wide = Array.from({ length: 1000 }, () => Array.from({ length: 1000 }, () => text))
      const evil = new Proxy({}, { getPrototypeOf() { throw new Error('no') } })
      console.log(deep, wide, evil, Array(1e9), new Uint8Array(1e7))`)

    const text = use.realm.logs.at(-1)?.[1] ?? ''
    expect(text.length).toBeLessThan(2_000_000)
    expect(text).toContain('[could not be shown]')
    expect(text).toContain('more items')
  })
})
