import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createFrameReader, createFrameWriter, type Frame } from './frame.ts'

test('F4: bytes lie in memory of their own and in nothing more, whether they come whole or in pieces', () => {
  const [small, large] = [new Uint8Array(10).fill(1), new Uint8Array(300_000).fill(2)]
  const bytes = framed('["text"]', [small, large])

  for (const piece of [bytes.length, 65_536, 1]) {
    const [frame] = readIn(piece, bytes)
    expect(frame).toMatchObject({ isolate: 7, text: '["text"]', bytes: bytes.length })
    expect(frame?.buffers.map((one) => [one.length, one.buffer.byteLength, one[0], one.at(-1)])).toEqual([
      [10, 10, 1, 1],
      [300_000, 300_000, 2, 2],
    ])
  }
})

test.each([
  ['a length past the limit', (bytes: Buffer) => bytes.writeUInt32LE(100 * 1_048_576, 0)],
  ['parts that are longer than the frame', (bytes: Buffer) => bytes.writeUInt32LE(1_000, 8)],
  ['parts that are shorter than the frame', (bytes: Buffer) => bytes.writeUInt32LE(1, 8)],
  ['more buffers than there is room for', (bytes: Buffer) => bytes.writeUInt16LE(4_000, 12)],
])('F2: %s is refused as soon as the head is there', (_, spoil) => {
  const bytes = framed('["text"]', [new Uint8Array(10)])
  spoil(bytes)

  expect(() => readIn(1, bytes)).toThrow(expect.objectContaining({ code: 'SANDBOX_FRAME' }))
})

function framed(text: string, buffers: Uint8Array[]): Buffer {
  const chunks: Buffer[] = []
  const out = createFrameWriter({ write: (chunk: Buffer) => chunks.push(chunk) } as unknown as Socket)
  out.write(7, text, buffers)
  out.flush()
  return Buffer.concat(chunks)
}

function readIn(piece: number, bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  const read = createFrameReader((frame) => frames.push(frame))
  for (let at = 0; at < bytes.length; at += piece) read(bytes.subarray(at, at + piece))
  return frames
}
