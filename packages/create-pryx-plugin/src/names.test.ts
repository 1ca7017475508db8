import fc from 'fast-check'
import validate from 'validate-npm-package-name'
import { expect, test } from 'vitest'
import { namesOf } from './names.ts'

test('K9: one word gives every name a plugin has', () => {
  expect(namesOf('my-notes')).toEqual({
    package: 'pryx-plugin-my-notes',
    id: 'my-notes',
    pascal: 'MyNotes',
    camel: 'myNotes',
    upper: 'MY_NOTES',
  })
  expect(namesOf('@ada/weather')).toMatchObject({ package: '@ada/pryx-plugin-weather', id: 'weather' })
  expect(namesOf('@ada/plugin-weather')).toMatchObject({ package: '@ada/plugin-weather', id: 'weather' })
  expect(namesOf('pryx-plugin-weather')).toMatchObject({ package: 'pryx-plugin-weather', id: 'weather' })
})

test.each([
  ['', 'my-plugin'],
  ['My Notes', 'my-notes'],
  ['kernel', 'my-kernel'],
  ['../escape', 'escape'],
  ['a--b', 'a-b'],
  ['9lives', 'lives'],
  ['@/weather', 'weather'],
  ['x'.repeat(41), 'x'.repeat(40)],
])('K9: %j is refused, and a name that would do is told', (name, hint) => {
  expect(() => namesOf(name)).toThrow(
    expect.objectContaining({ code: 'USAGE_NAME', hint: expect.stringContaining(hint) }),
  )
})

test('K9: whatever is typed is refused with a hint, or gives names that npm and TypeScript take', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[@a-z0-9/.-]{0,50}$/)), (text) => {
      try {
        const names = namesOf(text)
        expect(validate(names.package).validForNewPackages).toBe(true)
        expect(names.camel).toMatch(/^[a-z][A-Za-z0-9]*$/)
      } catch (error) {
        expect(error).toMatchObject({ code: 'USAGE_NAME', hint: expect.stringMatching(/^For example: [a-z]/) })
      }
    }),
  )
})
