// test/decisions.test.ts: decision records have numbers of their own, titles that match CONTRIBUTING.md, and the parts a reader looks for.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const folder = join(root, 'docs/decisions')
const files = readdirSync(folder).sort()
const index = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')

test('R: every decision record has a number of its own', () => {
  const numbers = files.map((file) => /^(\d{4})-[a-z0-9-]+\.md$/.exec(file)?.[1])

  expect(numbers).not.toContain(undefined)
  expect(new Set(numbers).size).toBe(numbers.length)
})

test('R: every decision record is listed in CONTRIBUTING.md, by its number', () => {
  const listed = [...index.matchAll(/^- \[(\d+): [^\]]+\]\(docs\/decisions\/((\d{4})-[^)]+)\)$/gm)]

  expect(listed.map(([, , file]) => file).sort()).toEqual(files)
  for (const [, shown, , number] of listed) expect(Number(shown)).toBe(Number(number))
})

test.each(files)('R: %s says what was decided, and when to look again', (file) => {
  const text = readFileSync(join(folder, file), 'utf8')

  expect(text).toMatch(/^# \S/)
  expect(text).toMatch(/^(## When to look again|\*\*(When to )?[Ll]ook again\b)/m)
})
