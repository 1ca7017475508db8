// test/docs.test.ts: what the documentation says is true: its code compiles and runs, its tables are complete, its links lead somewhere.
//   Fences say what is done with a block:   ```ts        type-checked       ```ts run    also run, as a process of its own
//   ```ts test   run by vitest              file=PATH    its place in the document's own folder; plugins found there are built
//   ```json      a package.json with a `pryx` key is parsed as a manifest     ```text output  what the block before it must print
import { execFile } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeCapabilities, type Secrets } from '../packages/capabilities/src/index.ts'
import { limitsSchema, manifestSchema, parseManifest } from '../packages/kernel/src/contract/index.ts'
import { buildPlugin } from '../packages/sdk/src/build/index.ts'
import { createHarness } from '../packages/sdk/src/testing/index.ts'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)
const pages = globSync(
  ['*.md', 'docs/*.md', 'docs/{guides,decisions}/*.md', '{packages,plugins,examples}/*/README.md'],
  {
    cwd: root,
  },
).sort()
const executed = pages.filter(
  (page) =>
    page === 'README.md' ||
    page.startsWith('docs/guides/') ||
    page === 'docs/cheatsheet.md' ||
    /^packages\/(kernel|sdk|capabilities)\//.test(page),
)
const PACKAGES = ['kernel', 'sdk', 'capabilities']

interface Block {
  page: string
  /** Of the fence, from 1. */
  line: number
  language: string
  flags: ReadonlySet<string>
  text: string
  /** Where it is written. */
  file: string
}

const blocks = executed.flatMap(blocksOf)
const code = blocks.filter(({ language }) => language === 'ts')
let bench: string
const SLOW_MS = 400_000 // the compiler and a test runner of its own, on a busy machine

beforeAll(async () => {
  bench = realpathSync(mkdtempSync(join(tmpdir(), 'pryx-docs-')))
  linkModules()
  for (const { file, text } of blocks) {
    mkdirSync(dirname(join(bench, file)), { recursive: true })
    writeFileSync(join(bench, file), text)
  }
  for (const manifest of globSync('**/package.json', {
    cwd: bench,
    exclude: (name) => name.includes('node_modules'),
  })) {
    const folder = dirname(join(bench, manifest))
    if (existsSync(join(folder, 'src/plugin.ts'))) await buildPlugin(folder)
  }
})

afterAll(() => rmSync(bench, { recursive: true, force: true }))

test(
  'K9: every TypeScript block of the documentation compiles against the sources',
  () => {
    const config = ts.getParsedCommandLineOfConfigFile(
      join(root, 'tsconfig.json'),
      {},
      { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
    )
    const options = { ...config?.options, typeRoots: [join(root, 'node_modules/@types')], allowUnreachableCode: true }
    const program = ts.createProgram(
      code.map(({ file }) => join(bench, file)),
      options,
    )

    const found = code.flatMap((block) =>
      ts
        .getPreEmitDiagnostics(program, program.getSourceFile(join(bench, block.file)))
        .map((problem) => told(block, problem)),
    )

    expect(found).toEqual([])
  },
  SLOW_MS,
)

describe('K9: blocks marked `run` run', () => {
  test.each(
    code.filter(({ flags }) => flags.has('run')).map((block) => [`${block.page}:${block.line}`, block] as const),
  )('%s', async (_, block) => {
    const folder = join(bench, folderOf(block.page))
    const { stdout } = await run(process.execPath, ['--conditions=source', join(bench, block.file)], {
      cwd: folder,
      timeout: 120_000, // on a busy machine
    })

    const output = blocks[blocks.indexOf(block) + 1]
    if (output?.flags.has('output')) expect(stdout.trim()).toBe(output.text.trim())
  })
})

test(
  'K9: blocks marked `test` pass',
  async () => {
    const tests = code.filter(({ flags }) => flags.has('test')).map(({ file }) => file)
    const config = `export default { resolve: { conditions: ['source'] }, ssr: { resolve: { conditions: ['source'], externalConditions: ['source'] } }, test: { testTimeout: 120_000, include: ${JSON.stringify(tests)} } }`
    writeFileSync(join(bench, 'vitest.config.mjs'), config)

    const ran = await run(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', bench], {
      env: { ...process.env, NO_COLOR: '1' },
      timeout: SLOW_MS,
    }).catch((error: { stdout: string }) => error)

    expect(ran.stdout).toMatch(new RegExp(`Test Files +${tests.length} passed \\(${tests.length}\\)`))
  },
  SLOW_MS,
)

test('K1: every manifest in the documentation is valid', () => {
  const manifests = blocks.filter(({ language, text }) => language === 'json' && /"pryx": \{/.test(text))

  for (const { page, line, text } of manifests)
    expect(() => parseManifest(JSON.parse(text), `${page}:${line}`)).not.toThrow()
  expect(manifests.length).toBeGreaterThan(0)
})

test('K1: the manifest guide names every key and no other', () => {
  const text = readFileSync(join(root, 'docs/guides/manifest.md'), 'utf8')
  const rows = [...text.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, key]) => key as string)
  const toolKeys = ['name', 'description', 'input', 'handler'].map((key) => `tools[].${key}`)
  const keys = Object.keys(manifestSchema.shape).flatMap((key) =>
    key === 'events' ? ['events.emits', 'events.listens'] : key === 'tools' ? ['tools', ...toolKeys] : [key],
  )

  expect(rows.toSorted()).toEqual(
    [...keys, ...Object.keys(limitsSchema.shape).map((key) => `limits.${key}`)].toSorted(),
  )
})

test('K4: every permission in the guide is one that the drivers take', async () => {
  const text = readFileSync(join(root, 'docs/guides/permissions.md'), 'utf8')
  const [, table = ''] = /^\| permission +\|.*\n([\s\S]*?)\n\n/m.exec(text) ?? []
  const permissions = [...table.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, permission]) => permission as string)
  const capabilities = Object.values(nodeCapabilities({ secrets: {} as Secrets })) // a grammar needs no vault

  const made = createHarness({ plugin: 'export default { activate() {} }', manifest: { permissions }, capabilities })

  await expect(made.then((pryx) => pryx[Symbol.asyncDispose]())).resolves.toBeUndefined()
  expect(permissions.length).toBeGreaterThan(15)
})

describe('every relative link of a page leads somewhere', () => {
  test.each([...pages, 'llms.txt'])('%s', (page) => {
    const text = readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '')
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|href|srcset)="([^"]+)"/g)].map(
      ([, link, html]) => (link ?? html) as string,
    )
    const broken = targets.filter((target) => !/^([a-z]+:|#)/.test(target) && !leads(page, target))

    expect(broken).toEqual([])
  })
})

function leads(page: string, target: string): boolean {
  const [path, anchor] = target.split('#') as [string, string?]
  const file = join(root, dirname(page), path)
  if (!existsSync(file)) return false
  return anchor === undefined || !file.endsWith('.md') || headings(file).includes(anchor)
}

/** As GitHub makes them. */
function headings(file: string): string[] {
  const lines = readFileSync(file, 'utf8').match(/^#+ .+$/gm) ?? []
  return lines.map((line) =>
    line
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```(ts|json|text)([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, language, info, body], i) => {
    const words = (info as string).trim().split(/\s+/)
    const place = words.find((word) => word.startsWith('file='))?.slice('file='.length)
    return {
      page,
      line: text.slice(0, text.indexOf(body as string)).split('\n').length - 1,
      language: language as string,
      flags: new Set(words),
      text: body as string,
      file: join(folderOf(page), place ?? `block-${i + 1}.${language}`),
    }
  })
}

/** Each page has a folder of its own, so that its blocks see each other and nobody else's. */
function folderOf(page: string): string {
  return page.replace(/\.md$/, '').replaceAll('/', '-').toLowerCase()
}

function told({ page, line }: Block, { file, start, messageText }: ts.Diagnostic): string {
  const at = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0
  return `${page}:${line + at}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
}

/** The pages' folders see what a user has installed: the packages, zod, vitest. */
function linkModules(): void {
  const modules = join(bench, 'node_modules')
  mkdirSync(join(modules, '@pryx'), { recursive: true })
  for (const name of PACKAGES) symlinkSync(join(root, 'packages', name), join(modules, '@pryx', name), 'junction')
  symlinkSync(join(root, 'node_modules/vitest'), join(modules, 'vitest'), 'junction')
  symlinkSync(realpathSync(join(root, 'packages/kernel/node_modules/zod')), join(modules, 'zod'), 'junction')
  writeFileSync(join(bench, 'package.json'), JSON.stringify({ type: 'module' }))
  expect(relative(root, bench).startsWith('..')).toBe(true)
}
