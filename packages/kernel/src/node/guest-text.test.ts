import { expect, test } from 'vitest'
import { decodeText, encodingName } from './guest-text.ts'

test('labels are told apart, and what is no label is none', () => {
  expect(encodingName('sjis')).toBe('shift_jis')
  expect(encodingName('nope')).toBeUndefined()
  expect(encodingName(Symbol.iterator)).toBeUndefined()
})

test('a sequence that is not finished waits for more, unless nothing follows', () => {
  const half = new Uint8Array([0x82, 0xa0, 0x82])

  expect(decodeText('shift_jis', half, false)).toBe('あ')
  expect(decodeText('shift_jis', half, true)).toBe('あ\ufffd')
})

test('what a hostile guest may send is refused, not thrown', () => {
  expect(decodeText('shift_jis', 'text', true)).toBeUndefined()
  expect(decodeText('nope', new Uint8Array(1), true)).toBeUndefined()
  expect(decodeText({ toString: () => 'utf-8' }, new Uint8Array(131_073), true)).toBeUndefined()
})
