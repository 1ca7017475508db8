// test/conformance/cases/base64.ts: atob and btoa. @see https://infra.spec.whatwg.org/#forgiving-base64
import type { Area, Case } from '../case.ts'
import { thrown } from '../case.ts'

const BAD = ['a', '=', '====', 'ab=', 'abc==', 'a b c d e', 'ab=c', 'abcd=', 'ab-_', 'é', '\u00a0abcd', 'abcde']
const PAIRS: readonly (readonly [text: string, base64: string])[] = [
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg=='],
  ['\0\xff\x80', 'AP+A'],
  ['\xff\xef\xbe', '/+++'],
]

export const base64: Area = {
  name: 'Base64',
  standard: 'https://infra.spec.whatwg.org/#forgiving-base64',
  cases: [
    ...PAIRS.map(([text, coded]): Case => [`btoa(${JSON.stringify(text)})`, () => btoa(text), coded]),
    ...PAIRS.map(([text, coded]): Case => [`atob(${JSON.stringify(coded)})`, () => atob(coded), text]),
    ...BAD.map(
      (text): Case => [
        `atob(${JSON.stringify(text)}) is refused`,
        () => thrown(() => atob(text)),
        'InvalidCharacterError',
      ],
    ),
    ['atob forgives missing padding', () => [atob('Zg'), atob('Zm8')], ['f', 'fo']],
    ['atob forgives ASCII white space', () => atob(' Z\tm\n9\fv\r'), 'foo'],
    ['atob forgives bits left over', () => atob('Zh=='), 'f'],
    ['btoa refuses what is no byte', () => thrown(() => btoa('€')), 'InvalidCharacterError'],
    [
      'btoa makes its argument text',
      () => [btoa(null as never), btoa(undefined as never), btoa(12 as never)],
      ['bnVsbA==', 'dW5kZWZpbmVk', 'MTI='],
    ],
    ['atob makes its argument text', () => atob(null as never), '\x9e\xe9e'],
    [
      'a missing argument is TypeError',
      async () => [
        await thrown(() => (btoa as never as () => void)()),
        await thrown(() => (atob as never as () => void)()),
      ],
      ['TypeError', 'TypeError'],
    ],
    [
      'all bytes come back',
      () => {
        const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))
        return atob(btoa(all)) === all
      },
      true,
    ],
  ],
}
