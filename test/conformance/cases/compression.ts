// test/conformance/cases/compression.ts: CompressionStream and DecompressionStream. @see https://compression.spec.whatwg.org
import type { Area } from '../case.ts'
import { bytes, chunksOf, streamOf, thrown, utf8 } from '../case.ts'

/** "Hello, hello, hello!" deflated by zlib, in the three formats. */
const TEXT = 'Hello, hello, hello!'
const PACKED: readonly (readonly [format: CompressionFormat, hex: string])[] = [
  ['deflate', '789cf348cdc9c9d751c840a21401489e06d6'],
  ['deflate-raw', 'f348cdc9c9d751c840a21401'],
  ['gzip', '1f8b0800000000000003f348cdc9c9d751c840a21401aceb2ee414000000'],
]
const unpack = (format: CompressionFormat, ...chunks: Uint8Array<ArrayBuffer>[]) =>
  new Response(streamOf(...chunks).pipeThrough(new DecompressionStream(format))).bytes()
const fromHex = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
const FORMATS: readonly CompressionFormat[] = ['gzip', 'deflate', 'deflate-raw']

async function packed(
  format: CompressionFormat,
  ...chunks: Uint8Array<ArrayBuffer>[]
): Promise<Uint8Array<ArrayBuffer>> {
  return new Response(streamOf(...chunks).pipeThrough(new CompressionStream(format))).bytes()
}

export const compression: Area = {
  name: 'Compression',
  standard: 'https://compression.spec.whatwg.org',
  cases: [
    ...PACKED.map(
      ([format, hexed]) =>
        [
          `${format} made elsewhere is read`,
          async () => new TextDecoder().decode(await unpack(format, fromHex(hexed))),
          TEXT,
        ] as const,
    ),
    ...PACKED.map(
      ([format, hexed]) =>
        [
          `${format} byte by byte is read`,
          async () =>
            new TextDecoder().decode(await unpack(format, ...Array.from(fromHex(hexed), (byte) => bytes(byte)))),
          TEXT,
        ] as const,
    ),
    ...FORMATS.map(
      (format) =>
        [
          `${format} comes back`,
          async () =>
            new TextDecoder().decode(await unpack(format, await packed(format, utf8(TEXT), utf8('é'), utf8(TEXT)))),
          `${TEXT}é${TEXT}`,
        ] as const,
    ),
    ...FORMATS.map(
      (format) =>
        [
          `${format} of nothing comes back`,
          async () => (await unpack(format, await packed(format))).length,
          0,
        ] as const,
    ),
    ...FORMATS.map(
      (format) =>
        [
          `${format} of 200 KB comes back, and is small`,
          async () => {
            const data = utf8('pryx '.repeat(40_000))
            const small = await packed(format, data)
            const back = await unpack(format, small)
            return [small.length < 4_000, back.length === data.length, back.at(-2) === data.at(-2)]
          },
          [true, true, true],
        ] as const,
    ),
    ...FORMATS.map(
      (format) =>
        [
          `${format} cut short is TypeError`,
          async () => thrown(async () => unpack(format, (await packed(format, utf8(TEXT))).slice(0, -2))),
          'TypeError',
        ] as const,
    ),
    ...FORMATS.map(
      (format) =>
        [
          `${format} with more behind it is TypeError`,
          async () => thrown(async () => unpack(format, new Uint8Array([...(await packed(format, utf8(TEXT))), 1, 2]))),
          'TypeError',
        ] as const,
    ),
    ...FORMATS.map(
      (format) =>
        [
          `${format}: what is not compressed is TypeError`,
          () => thrown(() => unpack(format, bytes(0xff, 0xfe, 0xfd, 0xfc))),
          'TypeError',
        ] as const,
    ),
    [
      'gzip with another checksum is TypeError',
      () =>
        thrown(() => {
          const data = fromHex(PACKED[2]![1])
          data[data.length - 6]! ^= 1
          return unpack('gzip', data)
        }),
      'TypeError',
    ],
    [
      'gzip with another length is TypeError',
      () =>
        thrown(() => {
          const data = fromHex(PACKED[2]![1])
          data[data.length - 1]! ^= 1
          return unpack('gzip', data)
        }),
      'TypeError',
    ],
    [
      'deflate with another checksum is TypeError',
      () =>
        thrown(() => {
          const data = fromHex(PACKED[0]![1])
          data[data.length - 1]! ^= 1
          return unpack('deflate', data)
        }),
      'TypeError',
    ],
    [
      'an unknown format is TypeError',
      async () => [
        await thrown(() => new CompressionStream('zip' as never)),
        await thrown(() => new DecompressionStream('zip' as never)),
        await thrown(() => new (CompressionStream as never as new () => void)()),
      ],
      ['TypeError', 'TypeError', 'TypeError'],
    ],
    [
      'chunks that are not bytes are TypeError',
      async () => [
        await thrown(() => chunksOf(streamOf('a' as never).pipeThrough(new CompressionStream('gzip')))),
        await thrown(() => chunksOf(streamOf('a' as never).pipeThrough(new DecompressionStream('gzip')))),
      ],
      ['TypeError', 'TypeError'],
    ],
    [
      'all kinds of bytes are taken',
      async () =>
        new TextDecoder().decode(
          await unpack(
            'gzip',
            new Uint8Array(
              await new Response(
                streamOf<BufferSource>(
                  utf8('a').buffer,
                  new DataView(utf8('xbx').buffer, 1, 1),
                  new Uint16Array(utf8('cd').buffer),
                ).pipeThrough(new CompressionStream('gzip')),
              ).arrayBuffer(),
            ),
          ),
        ),
      'abcd',
    ],
    [
      'chunks come out as Uint8Array',
      async () =>
        (await chunksOf(streamOf(utf8('a')).pipeThrough(new CompressionStream('gzip')))).every(
          (chunk) => chunk instanceof Uint8Array,
        ),
      true,
    ],
    [
      'both sides are streams',
      () => {
        const s = new CompressionStream('gzip')
        return [
          s.readable instanceof ReadableStream,
          s.writable instanceof WritableStream,
          Object.prototype.toString.call(s),
        ]
      },
      [true, true, '[object CompressionStream]'],
    ],
  ],
}
