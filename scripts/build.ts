// scripts/build.ts: builds every package to dist/. JavaScript by esbuild; `--types` adds declarations; `--if-needed` skips what is up to date.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { englishOnly, guestBundle } from '../packages/kernel/src/node/guest-bundle.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const flags = new Set(process.argv.slice(2))

/**
 * Node's own modules by `require`, as the objects they are: an `import` of one reads all that it exports, which for `node:http`
 * alone loads a web client (25 ms), and for all that a command takes some 40 ms at each start.
 */
const requiredBuiltins: Plugin = {
  name: 'required-builtins',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, namespace, importer, kind }) =>
      namespace === 'builtin' || importer.endsWith('/bin.ts') || kind === 'require-call'
        ? { path, external: true } // bin.ts must still be read by a Node that is too old
        : { path, namespace: 'builtin', sideEffects: false },
    )
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }))
  },
}

// CommonJS inside an ES module calls for `require`.
const withRequire = {
  js: "import { createRequire as $require } from 'node:module'\nconst require = $require(import.meta.url)",
}

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  sourcemap: 'linked',
  logLevel: 'warning',
  packages: 'external',
}

/** Every bundle of a package: its public entries, and what runs elsewhere (the sandbox process, the guest, workers). */
const bundles: { name: string; inputs: string; options: BuildOptions }[] = [
  library('kernel', ['src/index.ts', ...filesIn('kernel', 'contract')]),
  {
    name: 'kernel/sandbox',
    inputs: 'packages/kernel/src',
    options: {
      ...common,
      entryPoints: ['packages/kernel/src/node/sandbox-child.ts'],
      outfile: 'packages/kernel/dist/sandbox/sandbox-child.mjs',
      sourcemap: false,
    },
  },
  {
    name: 'kernel/guest',
    inputs: 'packages/kernel/src',
    options: {
      absWorkingDir: root,
      logLevel: 'warning',
      ...guestBundle,
      entryPoints: {
        guest: 'packages/kernel/src/guest/main.ts',
        'guest-lean': 'packages/kernel/src/guest/main-lean.ts',
      },
      outdir: 'packages/kernel/dist/sandbox',
    },
  },
  library('sdk', [
    'src/index.ts',
    ...filesIn('sdk', 'capabilities'),
    'src/build/index.ts',
    ...optional('packages/sdk', 'src/testing/index.ts'),
  ]),
  library('capabilities', ['src/index.ts', ...optional('packages/capabilities', 'src/storage/worker.ts')]),
  application('pryx', [...optional('packages/pryx', 'src/index.ts'), ...optional('packages/pryx', 'src/bin.ts')]),
  application('create-pryx-plugin', ['src/bin.ts']),
]

for (const { name, inputs, options } of bundles) {
  if (Object.keys(options.entryPoints ?? {}).length === 0) continue
  await whenChanged(name, [inputs, 'packages/kernel/src/contract'], async () => {
    const { metafile } = await build({ ...options, metafile: true })
    if (options.splitting) dropStale(`packages/${name}/dist`, Object.keys(metafile.outputs))
    console.error(`built ${name}`)
  })
}
await buildPlugins()
if (flags.has('--types')) buildTypes()

/** Chunks of earlier builds are not shipped. */
function dropStale(folder: string, outputs: readonly string[]): void {
  const current = new Set(outputs)
  const others = (path: string) => path.endsWith('/sandbox') // a bundle of its own
  for (const file of globSync(`${folder}/**/*.js{,.map}`, { cwd: root, exclude: others }))
    if (!current.has(file)) rmSync(join(root, file), { force: true })
}

/** Declarations lie beside the bundles, one for each source, as `types` of the packages' exports say. */
function buildTypes(): void {
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.types.json'], { cwd: root, stdio: 'inherit' })
  const made = join(root, 'node_modules/.cache/pryx-types')
  for (const name of readdirSync(made))
    cpSync(join(made, name, 'src'), join(root, 'packages', name, 'dist'), { recursive: true })
}

/** Plugins are built by `pryx build`'s own function, as any author's are; a page has a build script of its own. */
async function buildPlugins(): Promise<void> {
  const files = globSync('{plugins,examples}/**/package.json', {
    cwd: root,
    exclude: (path) => path.includes('node_modules'),
  })
  for (const folder of files.map((file) => dirname(file)).sort()) {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
      pryx?: { entry: string }
    }
    if (manifest.pryx === undefined || !existsSync(join(root, folder, 'src/plugin.ts'))) continue
    await whenChanged(folder, [folder, 'packages/sdk/src', 'packages/kernel/src/contract'], () => buildOne(folder))
  }
}

async function buildOne(folder: string): Promise<void> {
  const { buildPlugin } = (await import(pathToFileURL(join(root, 'packages/sdk/dist/build/index.js')).href)) as {
    buildPlugin(folder: string): Promise<unknown>
  }
  await buildPlugin(join(root, folder))
  const page = join(root, folder, 'page/build.ts')
  if (existsSync(page)) execFileSync(process.execPath, [page], { stdio: 'inherit' })
  console.error(`built ${folder}`)
}

function library(name: string, entries: string[]): (typeof bundles)[number] {
  const folder = `packages/${name}`
  return {
    name,
    inputs: `${folder}/src`,
    options: {
      ...common,
      entryPoints: entries.map((entry) => `${folder}/${entry}`),
      outbase: `${folder}/src`,
      outdir: `${folder}/dist`,
      splitting: true,
    },
  }
}

/**
 * As a library, with what it imports inside: a process that loads a few large files instead of hundreds of small ones starts
 * in a third of the time and holds 12 MB less. What brings files of its own (binaries, workers) stays outside.
 */
function application(name: string, entries: string[]): (typeof bundles)[number] {
  const base = library(name, entries)
  const options: BuildOptions = {
    ...base.options,
    packages: 'bundle',
    conditions: ['source', 'import', 'node', 'default'],
    external: ['isolated-vm', 'esbuild'],
    minifySyntax: true,
    plugins: [englishOnly as Plugin, requiredBuiltins],
    banner: withRequire,
  }
  return { ...base, inputs: 'packages', options }
}

/** Each file of what plugins import is an entry of its own, so that a plugin's bundle takes only those it uses. */
function filesIn(name: string, folder: string): string[] {
  const files = globSync(`src/${folder}/*.ts`, { cwd: join(root, 'packages', name) })
  return files.filter((file) => !file.endsWith('.test.ts')).sort()
}

function optional(folder: string, entry: string): string[] {
  return existsSync(join(root, folder, entry)) ? [entry] : []
}

async function whenChanged(name: string, inputs: string[], work: () => Promise<void>): Promise<void> {
  const stamp = join(root, 'node_modules/.cache/pryx-build', `${name.replaceAll('/', '-')}.hash`)
  const hash = hashOf(inputs)
  if (flags.has('--if-needed') && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return
  rmSync(stamp, { force: true })
  await work()
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, hash)
}

function hashOf(inputs: string[]): string {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .update(readFileSync(fileURLToPath(import.meta.url)))
  for (const input of inputs) {
    for (const file of globSync(`${input}/**/*.{ts,tsx,css,html,json}`, {
      cwd: root,
      exclude: (path) => path.includes('node_modules') || path.includes('/dist'),
    }).sort()) {
      hash.update(file).update(readFileSync(join(root, file)))
    }
    // A stamp without its output must not count: someone may have removed dist.
    hash.update(String(existsSync(join(root, input.replace(/\/src$/, ''), 'dist'))))
  }
  return hash.digest('hex')
}
