// test/conformance/cases/blob.ts: Blob and File. @see https://w3c.github.io/FileAPI/
import type { Area } from '../case.ts'
import { always, bytes, bytesOf, hex, thrown, utf8 } from '../case.ts'

export const blob: Area = {
  name: 'Blob and File',
  standard: 'https://w3c.github.io/FileAPI/',
  cases: [
    [
      'made of nothing',
      () => {
        const b = new Blob()
        return [b.size, b.type]
      },
      [0, ''],
    ],
    [
      'made of text, bytes, views and blobs',
      () =>
        new Blob(['aé', bytes(1, 2), bytes(3).buffer, new Uint16Array([0x4241]), new Blob(['x'])])
          .arrayBuffer()
          .then(hex),
      '61c3a9010203414278',
    ],
    ['made of other things as text', () => new Blob([1, null, { toString: () => 'x' }] as never).text(), '1nullx'],
    [
      'a typed array as the parts is a sequence of numbers',
      () => new Blob(new Uint8Array([1, 22]) as never).text(),
      '122',
    ],
    ['text as the parts is TypeError', () => thrown(() => new Blob('abc' as never)), 'TypeError'],
    ['a record as the parts is TypeError', () => thrown(() => new Blob({} as never)), 'TypeError'],
    ['null as the parts is TypeError', () => thrown(() => new Blob(null as never)), 'TypeError'],
    ['the type is in lower case', () => new Blob([], { type: 'Text/PLAIN;Charset=X' }).type, 'text/plain;charset=x'],
    [
      'a type with odd characters is none',
      () => [new Blob([], { type: 'a\u00e9' }).type, new Blob([], { type: 'a\x7f' }).type],
      ['', ''],
    ],
    ['type null is text', () => new Blob([], { type: null as never }).type, 'null'],
    ['endings: native makes them \\n', () => new Blob(['a\r\nb\rc\nd'], { endings: 'native' }).text(), 'a\nb\nc\nd'],
    ['endings: transparent leaves them', () => new Blob(['a\r\nb'], { endings: 'transparent' }).text(), 'a\r\nb'],
    ['endings: anything else is TypeError', () => thrown(() => new Blob([], { endings: 'x' as never })), 'TypeError'],
    [
      'bytes are copied',
      async () => {
        const b = utf8('abc')
        const made = new Blob([b])
        b[0] = 0
        return made.text()
      },
      'abc',
    ],
    ['text is UTF-8 and drops a mark', () => new Blob([bytes(0xef, 0xbb, 0xbf, 0x41, 0xff)]).text(), 'A\ufffd'],
    ['lone surrogates become U+FFFD', () => new Blob(['\ud800']).arrayBuffer().then(hex), 'efbfbd'],
    ['bytes()', () => new Blob(['ab']).bytes(), bytes(97, 98)],
    [
      'slice',
      async () => {
        const b = new Blob(['abcdef'])
        return Promise.all(
          [b.slice(1, 3), b.slice(-2), b.slice(2), b.slice(0, -1), b.slice(4, 2), b.slice(9), b.slice()].map((part) =>
            part.text(),
          ),
        )
      },
      ['bc', 'ef', 'cdef', 'abcde', '', '', 'abcdef'],
    ],
    ['slice of a slice', () => new Blob(['abcdef']).slice(1, 5).slice(1, 3).text(), 'cd'],
    [
      'slice drops the type or takes a new one',
      () => {
        const b = new Blob(['a'], { type: 'a/b' })
        return [b.slice().type, b.slice(0, 1, 'C/D').type]
      },
      ['', 'c/d'],
    ],
    ['stream gives the bytes', () => bytesOf(new Blob(['abc', 'def']).stream()).then(hex), '616263646566'],
    [
      'stream is new each time',
      async () => {
        const b = new Blob(['a'])
        return [hex(await bytesOf(b.stream())), hex(await bytesOf(b.stream())), always(() => b.stream())]
      },
      ['61', '61', false],
    ],
    [
      'stream is a byte stream',
      async () => {
        const reader = new Blob(['abc']).stream().getReader({ mode: 'byob' })
        const { value } = await reader.read(new Uint8Array(2))
        return hex(value!)
      },
      '6162',
    ],
    ['stream of nothing ends at once', async () => (await new Blob().stream().getReader().read()).done, true],
    [
      'arrayBuffer is new each time',
      async () => {
        const b = new Blob(['a'])
        const [one, two] = await Promise.all([b.arrayBuffer(), b.arrayBuffer()])
        return one !== two
      },
      true,
    ],
    [
      'a file is a blob with name and date',
      () => {
        const f = new File(['ab'], 'n.txt', { type: 'text/plain', lastModified: 42 })
        return [f.name, f.lastModified, f.type, f.size, f instanceof Blob]
      },
      ['n.txt', 42, 'text/plain', 2, true],
    ],
    ['a file without a date is of now', () => Math.abs(new File([], 'a').lastModified - Date.now()) < 5_000, true],
    [
      'a file needs parts and a name',
      async () => [
        await thrown(() => new (File as never as new () => File)()),
        await thrown(() => new (File as never as new (a: []) => File)([])),
      ],
      ['TypeError', 'TypeError'],
    ],
    ['a file name is text', () => [new File([], 1 as never).name, new File([], '\ud800').name], ['1', '\ufffd']],
    ['a file name keeps slashes', () => new File([], 'a/b').name, 'a/b'],
    [
      'the date is truncated',
      () => [
        new File([], 'a', { lastModified: 1.9 }).lastModified,
        new File([], 'a', { lastModified: Number.NaN }).lastModified,
      ],
      [1, 0],
    ],
    [
      'slicing a file makes a blob',
      () => {
        const part = new File(['ab'], 'n').slice(0, 1)
        return [part instanceof File, part instanceof Blob]
      },
      [false, true],
    ],
    [
      'class strings',
      () => [Object.prototype.toString.call(new Blob()), Object.prototype.toString.call(new File([], 'a'))],
      ['[object Blob]', '[object File]'],
    ],
  ],
}
