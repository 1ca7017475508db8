import { expect, test } from 'vitest'
import { importedNames } from './guest-modules.ts'

const ALL = ['z', 'object', 'string', 'default']
const of = (code: string) => importedNames(code, 'zod', ALL)

test('N1: of a supplied module a plugin gets the names its bundle imports', () => {
  expect(of('import { z } from "zod"')).toEqual(['z'])
  expect(of("import{object as o,string}from'zod';import{z}from'zod'")).toEqual(['z', 'object', 'string'])
  expect(of('import zod, { z } from "zod"\nimport { a } from "other"')).toEqual(['z', 'default'])
  expect(of('import {\n  z,\n  string,\n} from "zod"')).toEqual(['z', 'string'])
})

test.each([
  'import * as zod from "zod"',
  'import zod, * as all from "zod"',
  'export * from "zod"',
  'export { z } from "zod"',
  'const { z } = await import("zod")',
  'import { "string" as s } from "zod"',
  'import { /* a comment */ z } from "zod"',
  'import { z } from "zod"; export * as all from "zod"',
  'import { z } from "z\\u006fd"',
  'import "zod"',
])('N1: in doubt a plugin gets all names: %s', (code) => {
  expect(of(code)).toEqual(ALL)
})

test('N1: text that only looks like an import adds names and never takes one away', () => {
  const names = of('import { z } from "zod"; const text = `import { object } from "zod"`')

  expect(names).toContain('z')
})

test.each([
  ['spaces', `import a${' '.repeat(1_000_000)}`],
  ['commas', 'import a , '.repeat(100_000)],
  ['lists', `import {${'a,'.repeat(500_000)}`],
  ['names', `import ${'a'.repeat(1_000_000)}`],
])('K3: a bundle cannot choose how long looking at it takes: %s', (_what, code) => {
  const startedAt = performance.now()

  of(code)

  expect(performance.now() - startedAt).toBeLessThan(1_000)
})
