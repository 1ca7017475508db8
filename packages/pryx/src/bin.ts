#!/usr/bin/env node
// packages/pryx/src/bin.ts: the `pryx` command. Only what a start cannot do without is loaded here; an old Node can still read it.
import nodeModule from 'node:module'
import v8 from 'node:v8'

const OLDEST_NODE = 24
if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  console.error(
    `✖ Pryx needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}. [NODE_VERSION]\n  → Install it from https://nodejs.org, or with your version manager.`,
  )
  process.exit(1)
}
// In a host young objects die young, and the room V8 would keep for them is 9 MB; a command that soon ends is quicker with it.
if (['up', 'dev'].includes(process.argv[2] ?? '')) v8.setFlagsFromString('--semi-space-growth-factor=1')
nodeModule.enableCompileCache?.()
const { main } = await import('./cli/program.ts')
await main(process.argv)
