// test/conformance/cases/encoding.ts: text and bytes. @see https://encoding.spec.whatwg.org
import type { Area, Case } from '../case.ts'
import { bytes, chunksOf, hex, streamOf, thrown, unhex, utf8 } from '../case.ts'

/** Malformed and well-formed UTF-8, and the text it is. */
const UTF8: readonly (readonly [hex: string, text: string])[] = [
  ['', ''],
  ['616263', 'abc'],
  ['c3a9', 'é'],
  ['e282ac', '€'],
  ['f09f9880', '😀'],
  ['f48fbfbf', '\u{10ffff}'],
  ['ff', '\ufffd'],
  ['c0', '\ufffd'],
  ['c080', '\ufffd\ufffd'],
  ['e080', '\ufffd\ufffd'],
  ['e08080', '\ufffd\ufffd\ufffd'],
  ['e282', '\ufffd'],
  ['e28241', '\ufffdA'],
  ['eda080', '\ufffd\ufffd\ufffd'],
  ['f0808080', '\ufffd\ufffd\ufffd\ufffd'],
  ['f09f98', '\ufffd'],
  ['f09f41', '\ufffdA'],
  ['f4908080', '\ufffd\ufffd\ufffd\ufffd'],
  ['f5', '\ufffd'],
  ['80', '\ufffd'],
  ['c328', '\ufffd('],
  ['efbbbf41', 'A'],
  ['efbbbfefbbbf41', '\ufeffA'],
  ['41efbbbf', 'A\ufeff'],
  ['efbb', '\ufffd'],
]

/** The text of bytes in single-byte and multi-byte encodings of old. */
const LEGACY: readonly (readonly [label: string, hex: string, text: string])[] = [
  ['windows-1252', '80a3ff', '€£ÿ'],
  ['utf-16le', '3dd800de', '😀'],
  ['utf-16be', 'd83dde00', '😀'],
  ['utf-16le', '00d841', '\ufffd'],
  ['utf-16le', '00d84100', '\ufffdA'],
  ['iso-8859-2', 'b1e6ea', 'ąćę'],
  ['windows-1251', 'cff0e8', 'При'],
  ['koi8-r', 'f0d2c9', 'При'],
  ['windows-1250', 'b9e6ea', 'ąćę'],
  ['iso-8859-15', 'a4', '€'],
  ['windows-1253', 'c1e2', 'Αβ'],
  ['macintosh', '8e', 'é'],
  ['ibm866', '8fe0a8', 'При'],
  ['shift_jis', '82a0', 'あ'],
  ['euc-jp', 'a4a2', 'あ'],
  ['gbk', 'c4e3', '你'],
  ['gb18030', '81308130', '\u0080'],
  ['big5', 'a741', '你'],
  ['euc-kr', 'b0a1', '가'],
]

const LABELS: readonly (readonly [label: string, encoding: string])[] = [
  ['utf8', 'utf-8'],
  ['UTF-8', 'utf-8'],
  [' utf-8\n', 'utf-8'],
  ['unicode-1-1-utf-8', 'utf-8'],
  ['latin1', 'windows-1252'],
  ['ascii', 'windows-1252'],
  ['iso-8859-1', 'windows-1252'],
  ['utf-16', 'utf-16le'],
  ['ucs-2', 'utf-16le'],
  ['unicodefffe', 'utf-16be'],
  ['sjis', 'shift_jis'],
  ['cp1251', 'windows-1251'],
  ['gb2312', 'gbk'],
  ['ks_c_5601-1987', 'euc-kr'],
]

export const encoding: Area = {
  name: 'Encoding',
  standard: 'https://encoding.spec.whatwg.org',
  cases: [
    ...UTF8.map(
      ([input, text]): Case => [
        `UTF-8 ${input || 'nothing'} is ${JSON.stringify(text)}`,
        () => new TextDecoder().decode(unhex(input)),
        text,
      ],
    ),
    ...UTF8.map(
      ([input, text]): Case => [
        `UTF-8 ${input || 'nothing'} byte by byte is the same`,
        () => {
          const decoder = new TextDecoder()
          return (
            Array.from(unhex(input), (byte) => decoder.decode(bytes(byte), { stream: true })).join('') +
            decoder.decode()
          )
        },
        text,
      ],
    ),
    ...UTF8.filter(([, text]) => text.includes('\ufffd')).map(
      ([input]): Case => [
        `fatal UTF-8 ${input} throws`,
        () => thrown(() => new TextDecoder('utf-8', { fatal: true }).decode(unhex(input))),
        'TypeError',
      ],
    ),
    ...LEGACY.map(
      ([label, input, text]): Case => [
        `${label} ${input} is ${JSON.stringify(text)}`,
        () => new TextDecoder(label).decode(unhex(input)),
        text,
      ],
    ),
    ...LABELS.map(
      ([label, name]): Case => [
        `the label ${JSON.stringify(label)} is ${name}`,
        () => new TextDecoder(label).encoding,
        name,
      ],
    ),
    ...['', 'utf-7', 'utf-32', 'nope', 'utf\u00a08', '\u00a0utf-8', 'replacement', 'iso-2022-kr'].map(
      (label): Case => [
        `the label ${JSON.stringify(label)} is RangeError`,
        () => thrown(() => new TextDecoder(label)),
        'RangeError',
      ],
    ),
    [
      'defaults of TextDecoder',
      () => {
        const d = new TextDecoder()
        return [d.encoding, d.fatal, d.ignoreBOM]
      },
      ['utf-8', false, false],
    ],
    [
      'options of TextDecoder',
      () => {
        const d = new TextDecoder('utf8', { fatal: true, ignoreBOM: true })
        return [d.encoding, d.fatal, d.ignoreBOM]
      },
      ['utf-8', true, true],
    ],
    [
      'ignoreBOM keeps the mark',
      () => new TextDecoder('utf-8', { ignoreBOM: true }).decode(unhex('efbbbf41')),
      '\ufeffA',
    ],
    [
      'UTF-16 marks are skipped',
      () => [
        new TextDecoder('utf-16le').decode(unhex('fffe4100')),
        new TextDecoder('utf-16be').decode(unhex('feff0041')),
      ],
      ['A', 'A'],
    ],
    [
      'a mark in pieces is skipped',
      () => {
        const d = new TextDecoder()
        return d.decode(bytes(0xef), { stream: true }) + d.decode(bytes(0xbb, 0xbf, 0x41))
      },
      'A',
    ],
    [
      'a decoder starts anew after its last piece',
      () => {
        const d = new TextDecoder()
        return [d.decode(unhex('efbbbf41')), d.decode(unhex('efbbbf42'))]
      },
      ['A', 'B'],
    ],
    [
      'an unfinished sequence does not leak into the next text',
      () => {
        const d = new TextDecoder()
        return [d.decode(unhex('e282')), d.decode(unhex('ac'))]
      },
      ['\ufffd', '\ufffd'],
    ],
    [
      'a fatal decoder works again after an error',
      async () => {
        const d = new TextDecoder('utf-8', { fatal: true })
        const name = await thrown(() => d.decode(bytes(0xff)))
        return [name, d.decode(bytes(0x41))]
      },
      ['TypeError', 'A'],
    ],
    [
      'decode takes buffers and views',
      () => {
        const b = utf8('abcd')
        return [
          new TextDecoder().decode(b.buffer),
          new TextDecoder().decode(new DataView(b.buffer, 1, 2)),
          new TextDecoder().decode(new Uint16Array(b.buffer)),
        ]
      },
      ['abcd', 'bc', 'abcd'],
    ],
    ['decode refuses text', () => thrown(() => new TextDecoder().decode('abc' as never)), 'TypeError'],
    ['decode of nothing is empty', () => [new TextDecoder().decode(), new TextDecoder().decode(undefined)], ['', '']],
    ['TextDecoder needs new', () => thrown(() => (TextDecoder as never as () => void)()), 'TypeError'],
    [
      'TextEncoder writes UTF-8',
      () => [new TextEncoder().encoding, hex(utf8('aé€😀'))],
      ['utf-8', '61c3a9e282acf09f9880'],
    ],
    [
      'TextEncoder writes U+FFFD for lone surrogates',
      () => [hex(utf8('\ud800')), hex(utf8('\udc00a')), hex(utf8('a\ud83d'))],
      ['efbfbd', 'efbfbd61', '61efbfbd'],
    ],
    [
      'encode of nothing is empty, of null is text',
      () => [
        hex(new TextEncoder().encode()),
        hex(new TextEncoder().encode(undefined)),
        hex(new TextEncoder().encode(null as never)),
      ],
      ['', '', '6e756c6c'],
    ],
    ['encode answers a Uint8Array', () => utf8('a').constructor === Uint8Array, true],
    [
      'encodeInto stops before a character that does not fit',
      () => {
        const into = new Uint8Array(4)
        const { read, written } = new TextEncoder().encodeInto('a€é', into)
        return [read, written, hex(into)]
      },
      [2, 4, '61e282ac'],
    ],
    [
      'encodeInto counts code units read',
      () => {
        const into = new Uint8Array(8)
        const { read, written } = new TextEncoder().encodeInto('😀a', into)
        return [read, written]
      },
      [3, 5],
    ],
    [
      'encodeInto a view writes where it lies',
      () => {
        const whole = new Uint8Array(4)
        new TextEncoder().encodeInto('ab', whole.subarray(1, 3))
        return hex(whole)
      },
      '00616200',
    ],
    [
      'encodeInto with lone surrogates',
      () => {
        const into = new Uint8Array(3)
        return [new TextEncoder().encodeInto('\ud800', into).written, hex(into)]
      },
      [3, 'efbfbd'],
    ],
    [
      'encodeInto refuses other views',
      () => thrown(() => new TextEncoder().encodeInto('a', new DataView(new ArrayBuffer(4)) as never)),
      'TypeError',
    ],
    [
      'a long text comes back whole',
      () => {
        const text = 'aé€😀'.repeat(20_000)
        return new TextDecoder().decode(utf8(text)) === text
      },
      true,
    ],
    [
      'TextEncoderStream',
      async () => (await chunksOf(streamOf('a', 'é').pipeThrough(new TextEncoderStream()))).map(hex),
      ['61', 'c3a9'],
    ],
    [
      'TextEncoderStream joins a pair cut in two',
      async () => (await chunksOf(streamOf('\ud83d', '\ude00').pipeThrough(new TextEncoderStream()))).map(hex).join(''),
      'f09f9880',
    ],
    [
      'TextEncoderStream ends a lone half',
      async () => (await chunksOf(streamOf('a\ud83d').pipeThrough(new TextEncoderStream()))).map(hex).join(''),
      '61efbfbd',
    ],
    [
      'TextEncoderStream replaces a half without its other',
      async () => (await chunksOf(streamOf('\ud83d', 'b').pipeThrough(new TextEncoderStream()))).map(hex).join(''),
      'efbfbd62',
    ],
    [
      'TextEncoderStream skips empty chunks',
      async () => (await chunksOf(streamOf('', 'a', '').pipeThrough(new TextEncoderStream()))).length,
      1,
    ],
    [
      'TextDecoderStream',
      async () => (await chunksOf(streamOf(utf8('aé')).pipeThrough(new TextDecoderStream()))).join(''),
      'aé',
    ],
    [
      'TextDecoderStream joins a sequence cut in two',
      async () => (await chunksOf(streamOf(unhex('e2'), unhex('82ac')).pipeThrough(new TextDecoderStream()))).join(''),
      '€',
    ],
    [
      'TextDecoderStream replaces an unfinished end',
      async () => (await chunksOf(streamOf(unhex('61e282')).pipeThrough(new TextDecoderStream()))).join(''),
      'a\ufffd',
    ],
    [
      'a fatal TextDecoderStream fails',
      () => thrown(() => chunksOf(streamOf(bytes(0xff)).pipeThrough(new TextDecoderStream('utf-8', { fatal: true })))),
      'TypeError',
    ],
    [
      'a fatal TextDecoderStream fails at an unfinished end',
      () => thrown(() => chunksOf(streamOf(bytes(0xe2)).pipeThrough(new TextDecoderStream('utf-8', { fatal: true })))),
      'TypeError',
    ],
    [
      'TextDecoderStream refuses chunks that are not bytes',
      () => thrown(() => chunksOf(streamOf('text' as never).pipeThrough(new TextDecoderStream()))),
      'TypeError',
    ],
    [
      'the attributes of TextDecoderStream',
      () => {
        const s = new TextDecoderStream('latin1', { fatal: true })
        return [
          s.encoding,
          s.fatal,
          s.ignoreBOM,
          s.readable instanceof ReadableStream,
          s.writable instanceof WritableStream,
        ]
      },
      ['windows-1252', true, false, true, true],
    ],
    [
      'an unknown label of TextDecoderStream is RangeError',
      () => thrown(() => new TextDecoderStream('nope')),
      'RangeError',
    ],
  ],
}
