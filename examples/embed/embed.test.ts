// The example as a user runs it: a process of its own, from sources and from what `pnpm build` made.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildPlugin } from '@pryx/sdk/build'
import { beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const folder = import.meta.dirname

beforeAll(async () => {
  await buildPlugin(join(folder, 'plugin'))
})

test.each([
  ['sources', ['--conditions=source']],
  ['dist', []],
])(
  'K1: an application embeds the kernel from %s in ten lines, without flags of its own, and ends by itself',
  async (_, flags) => {
    const { stdout, stderr } = await run(process.execPath, [...flags, join(folder, 'main.ts'), 'Grace'], {
      env: { PATH: process.env.PATH },
      timeout: 15_000,
    })

    expect(stdout).toBe("heard { name: 'Grace', times: 1 }\nHello, Grace!\n")
    expect(stderr).toBe('')
  },
)
