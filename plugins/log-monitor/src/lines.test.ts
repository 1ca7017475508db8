import fc from 'fast-check'
import { expect, test } from 'vitest'
import { flushCarry, MAX_LINE, NOTHING, splitLines } from './lines.ts'

function feed(pieces: string[]) {
  let carry = NOTHING
  const lines = pieces.flatMap((piece) => {
    const split = splitLines(carry, piece)
    carry = split.carry
    return split.lines
  })
  return { lines, carry }
}

test('S6: lines end with LF or CRLF, and what has no end yet waits', () => {
  expect(feed(['one\r\ntwo\n\nthr', 'ee\r', '\nfour'])).toEqual({
    lines: ['one', 'two', '', 'three'],
    carry: { text: 'four', full: false },
  })
})

test('S6: a line of a gigabyte costs 8 KiB', () => {
  const { lines, carry } = feed([...Array.from({ length: 200 }, () => 'x'.repeat(65_536)), '\nnext\n'])

  expect(lines.map((line) => line.length)).toEqual([MAX_LINE, 4])
  expect(carry).toEqual(NOTHING)
})

test('S6: a line given out before its end is not given out again when the end comes', () => {
  const flushed = flushCarry({ text: 'half', full: false })

  expect(flushed.lines).toEqual(['half'])
  expect(splitLines(flushed.carry, ' a line\nnext\n').lines).toEqual(['next'])
})

test('S6: L1: cutting the text anywhere gives the same lines', () => {
  const text = fc.array(fc.constantFrom('a', '\n', '\r', '\r\n', 'Zeile ü €', '😀', 'x'.repeat(5_000)), {
    maxLength: 30,
  })
  fc.assert(
    fc.property(text, fc.array(fc.nat(40), { maxLength: 30 }), (parts, cuts) => {
      const whole = parts.join('')
      const pieces: string[] = []
      let at = 0
      for (const cut of cuts) {
        pieces.push(whole.slice(at, at + cut))
        at += cut
      }
      expect(feed([...pieces, whole.slice(at)])).toEqual(feed([whole]))
    }),
  )
})
