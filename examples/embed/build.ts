// examples/embed/build.ts: builds the plugin to its one bundled file, as `pryx build plugin` would.
import { join } from 'node:path'
import { buildPlugin } from '@pryx/sdk/build'

const { file, bytes } = await buildPlugin(join(import.meta.dirname, 'plugin'))
console.log(`built ${file} (${bytes} bytes)`)
