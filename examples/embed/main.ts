// examples/embed/main.ts: a plain Node app with a kernel in it. It needs no flags; the plugin runs in a process of its own.
import { join } from 'node:path'
import { createKernel } from '@pryx/kernel'
import { Greeter } from './plugin/src/service.ts'

await using kernel = await createKernel({ data: join(import.meta.dirname, '.pryx'), consent: 'declared' })
await kernel.installFolder(join(import.meta.dirname, 'plugin'))

kernel.on('greeter.greeted', (greeted) => console.log('heard', greeted))
const greeter = await kernel.use(Greeter)
console.log(await greeter.greet(process.argv[2] ?? 'Ada'))
