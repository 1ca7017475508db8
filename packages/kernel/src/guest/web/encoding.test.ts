import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { atob as guestAtob, btoa as guestBtoa } from './base64.ts'
import { TextDecoder as GuestDecoder } from './encoding.ts'
import { sameAsNode, useRealm } from './same-as-node.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'

const use = useRealm()

describe('TextEncoder and TextDecoder', () => {
  sameAsNode(use, [
    ['text of all widths', `return list(utf8('aé€😀\\ud800x\\udc00'))`],
    [
      'encodeInto fits whole characters only',
      `return [0, 1, 2, 3, 4, 5, 8].map((n) => { const b = new Uint8Array(n); return [new TextEncoder().encodeInto('aé€😀', b), list(b)] })`,
    ],
    [
      'malformed bytes become U+FFFD, one for each maximal part',
      `return [[0xff], [0xc0, 0x80], [0xe2, 0x82], [0xe2, 0x82, 0x41], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98], [0xf4, 0x90, 0x80, 0x80], [0x80, 0x61], [0xf0, 0x80, 0x80, 0x41]].map((b) => new TextDecoder().decode(new Uint8Array(b)))`,
    ],
    [
      'fatal throws TypeError and recovers',
      `const d = new TextDecoder('utf-8', { fatal: true }); return [await name(() => d.decode(new Uint8Array([0xff]))), d.decode(utf8('ok')), d.fatal]`,
    ],
    [
      'the byte order mark',
      `const b = new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xef, 0xbb, 0xbf]); return [list(new TextDecoder().decode(b)), list(new TextDecoder('utf-8', { ignoreBOM: true }).decode(b))]`,
    ],
    [
      'streaming',
      `const d = new TextDecoder(); const b = utf8('\\ufeffa€😀b'); return [...list(b).map((x) => d.decode(new Uint8Array([x]), { stream: true })), d.decode()]`,
    ],
    [
      'a streamed end may be cut short',
      `const d = new TextDecoder(); return [d.decode(new Uint8Array([0xe2, 0x82]), { stream: true }), d.decode(), d.decode(utf8('x'))]`,
    ],
    [
      'views and buffers',
      `const b = utf8('hello'); return [new TextDecoder().decode(b.buffer.slice(0, 5)), new TextDecoder().decode(new DataView(b.buffer, b.byteOffset + 1, 2)), new TextDecoder().decode(), await name(() => new TextDecoder().decode('x'))]`,
    ],
    [
      'utf-16',
      `const b = new Uint8Array([0x61, 0, 0x3d, 0xd8, 0, 0xde, 0, 0xd8, 0x62, 0, 0x63]); return [new TextDecoder('utf-16le').decode(b), new TextDecoder('utf-16').encoding, new TextDecoder('utf-16be').decode(new Uint8Array([0, 0x61, 0x20, 0xac]))]`,
    ],
    [
      'latin1 is windows-1252',
      `return [new TextDecoder('latin1').encoding, new TextDecoder('latin1').decode(new Uint8Array([0x41, 0xe4, 0xff]))]`,
    ],
    [
      'labels',
      `return [new TextDecoder(' UTF8 ').encoding, await name(() => new TextDecoder('nope')), new TextEncoder().encoding]`,
    ],
    ['a long text goes round', `const t = 'aé€😀'.repeat(20000); return new TextDecoder().decode(utf8(t)) === t`],
    [
      'the streams join what was cut',
      `const bytes = utf8('a€😀'); const parts = list(bytes).map((b) => new Uint8Array([b])); const text = (await read(ReadableStream.from(parts).pipeThrough(new TextDecoderStream()))).join('');
       const out = await read(ReadableStream.from(['a\\ud83d', '\\ude00b', '\\ud83d']).pipeThrough(new TextEncoderStream())); return [text, out.map(list).flat()]`,
    ],
    [
      'atob and btoa',
      `return [btoa('a\\xff\\0b'), btoa(''), atob('YWJj'), atob(' Y W J j\\n'), atob('YQ'), atob('YQ=='), await name(() => atob('Y')), await name(() => atob('a===')), await name(() => atob('*')), await name(() => btoa('€')), btoa('ab'), btoa('abc'), btoa('abcd')]`,
    ],
  ])

  test('any text comes back from its bytes, well-formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeUtf8(encodeUtf8(`x${text}`))).toBe(`x${text.toWellFormed()}`)
      }),
    )
  })

  test('any bytes come back from Base64, as Node writes it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const text = String.fromCharCode(...bytes)

        expect(guestBtoa(text)).toBe(Buffer.from(bytes).toString('base64'))
        expect(guestAtob(guestBtoa(text))).toBe(text)
      }),
    )
  })

  test('any bytes decode as Node decodes them, however they are cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(64), (bytes, cut) => {
        const decoder = new GuestDecoder()

        const text = decoder.decode(bytes.slice(0, cut), { stream: true }) + decoder.decode(bytes.slice(cut))

        expect(text).toBe(new TextDecoder().decode(bytes))
      }),
    )
  })
})

describe('encodings of old', () => {
  const some = `const bytes = Uint8Array.from({ length: 4_000 }, (_, i) => (i % 97 === 0 ? 10 : (i * 7919) % 256))`
  const labels = ['shift_jis', 'euc-jp', 'iso-2022-jp', 'gbk', 'gb18030', 'big5', 'euc-kr', 'windows-1251', 'koi8-r']
  sameAsNode(
    use,
    labels.flatMap((label) => [
      [`${label}, at once`, `${some}; return new TextDecoder('${label}').decode(bytes)`],
      [
        `${label}, in pieces`,
        `${some}; const d = new TextDecoder('${label}'); let text = ''
        for (let i = 0; i < 400; i += 3) text += d.decode(bytes.subarray(i, i + 3), { stream: true })
        return [text, d.decode()]`,
      ],
    ]),
  )
  sameAsNode(use, [
    [
      'a long page',
      `const bytes = Uint8Array.from({ length: 600_001 }, (_, i) => [0xc4, 0xe3, 10][i % 3]); const text = new TextDecoder('gbk').decode(bytes)
      return [text.length, text.slice(-4), text.includes('\\ufffd')]`,
    ],
    ['fatal', `return name(() => new TextDecoder('shift_jis', { fatal: true }).decode(new Uint8Array([0x82])))`],
  ])
})
