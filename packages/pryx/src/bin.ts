#!/usr/bin/env node
// packages/pryx/src/bin.ts: the `pryx` command. Only what a start cannot do without is loaded here; an old Node can still read it.
import nodeModule from 'node:module'

const OLDEST_NODE = 24
if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  console.error(
    `✖ Pryx needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}. [NODE_VERSION]\n  → Install it from https://nodejs.org, or with your version manager.`,
  )
  process.exit(1)
}
nodeModule.enableCompileCache?.()
const { main } = await import('./cli/program.ts')
await main(process.argv)
