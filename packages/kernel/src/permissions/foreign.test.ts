import { describe, expect, test } from 'vitest'
import { UsageError } from '../contract/index.ts'
import { foreignError } from './foreign.ts'

function failure(message: string, code?: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), code === undefined ? {} : { code })
}

describe('errors of drivers', () => {
  test.each([
    ["open '/home/ada/.ssh/id'", "open '(path)'"],
    ['spawn /usr/bin/git ENOENT', 'spawn (path) ENOENT'],
    ['at file:///home/ada/app.js:3', 'at (path)'],
    ['C:\\Users\\ada\\x is missing', '(path) is missing'],
    ['https://a.example/some/path said 404', 'https://a.example/some/path said 404'],
    ["open '/asked/for'", "open '/asked/for'"],
  ])('K3: %s reaches the plugin as %s', (message, told) => {
    expect(foreignError(failure(message), 'fs.read', ['/asked/for']).message).toBe(`fs.read: ${told}`)
  })

  test('K3: the platform’s code crosses, also from behind a cause; a stack and a cause do not', () => {
    const error = foreignError(failure('no', 'EACCES'), 'fs.read', [])
    expect(error.code).toBe('EACCES')
    expect(error.cause).toBeUndefined()
    const fetched = foreignError(
      failure('fetch failed', undefined, failure('connect refused', 'ECONNREFUSED')),
      'net.fetch',
      [],
    )
    expect(fetched).toMatchObject({ code: 'ECONNREFUSED', message: 'net.fetch: connect refused' })
    expect(foreignError('odd', 'a.b', [])).toMatchObject({ code: 'CAPABILITY_FAILED', message: 'a.b: odd' })
  })

  test('K3: an error of Pryx passes as it is', () => {
    const error = new UsageError('USAGE_X', 'x')
    expect(foreignError(error, 'a.b', [])).toBe(error)
  })
})
