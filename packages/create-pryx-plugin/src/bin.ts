#!/usr/bin/env node
// packages/create-pryx-plugin/src/bin.ts: the executable.
import { main } from './program.ts'

await main(process.argv)
