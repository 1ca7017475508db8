// The other end of transport.ts, in a process: `transport-child ipc` answers over the channel of fork, `transport-child frames` over fd 3.
import { Socket } from 'node:net'
import { createFrameReader, createFrameWriter } from '../../../packages/kernel/src/node/frame.ts'

if (process.argv[2] === 'ipc') process.on('message', (batch) => process.send?.(batch))
else {
  const socket = new Socket({ fd: 3, readable: true, writable: true })
  const out = createFrameWriter(socket)
  socket.on(
    'data',
    createFrameReader(({ isolate, text }) => {
      out.write(isolate, text)
      out.flush()
    }),
  )
  socket.on('close', () => process.exit())
}
