// test/architecture.test.ts: reads every import and holds the table of layers. Fails with the file, the line and the rule.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

interface Import {
  file: string
  line: number
  specifier: string
  typeOnly: boolean
  /** The file it means, from the root, where it is one of ours. */
  target: string | undefined
}

interface Package {
  name: string
  folder: string
  exports: Record<string, string>
  /** Names of all its dependencies. */
  dependencies: ReadonlySet<string>
}

const files = globSync(
  ['packages/*/src/**/*.{ts,tsx}', 'plugins/*/{src,page}/**/*.{ts,tsx}', 'examples/**/*.{ts,tsx}'],
  {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|dist|templates)(\/|$)/.test(path),
  },
).sort()
const packages = readPackages()
const imports = files.flatMap(readImports)
const shipped = imports.filter(({ file }) => !isTest(file))

/** What the files of a place may import of this repository; the first place that fits counts. */
const LAYERS: { place: RegExp; is: string; may: RegExp[] }[] = [
  { place: /^packages\/kernel\/src\/contract\//, is: 'the contract', may: [/^packages\/kernel\/src\/contract\//] },
  {
    place: /^packages\/kernel\/src\/guest\//,
    is: 'the guest runtime',
    may: [/^packages\/kernel\/src\/(contract|guest)\//],
  },
  { place: /^packages\/kernel\/src\/node\//, is: "the kernel's Node side", may: [/^packages\/kernel\/src\//] },
  { place: /^packages\/kernel\/src\/index\.ts$/, is: "the kernel's front door", may: [/^packages\/kernel\/src\//] },
  { place: /^packages\/kernel\//, is: "the kernel's core", may: [/^packages\/kernel\/src\/(?!node\/)/] },
  {
    place: /^packages\/capabilities\//,
    is: 'a capability',
    may: [/^packages\/capabilities\//, /^@pryx\/kernel\/contract$/],
  },
  {
    place: /^packages\/sdk\/src\/(testing|build)\//,
    is: 'the SDK’s tools',
    may: [/^packages\/sdk\//, /^@pryx\/kernel(\/contract)?$/],
  },
  {
    place: /^packages\/sdk\//,
    is: 'the SDK',
    may: [/^packages\/sdk\/src\/(?!testing|build)/, /^@pryx\/kernel\/contract$/],
  },
  {
    place: /^packages\/create-pryx-plugin\//,
    is: 'the scaffolder',
    may: [/^packages\/create-pryx-plugin\//, /^@pryx\/kernel\/contract$/],
  },
  {
    place: /^packages\/pryx\//,
    is: 'the reference host',
    may: [/^packages\/pryx\//, /^@pryx\/(kernel|capabilities)(\/.*)?$/, /^@pryx\/sdk(\/build)?$/],
  },
  {
    place: /^plugins\/[^/]+\/page\//,
    is: "a plugin's page",
    may: [/^plugins\/[^/]+\/(page|src)\//, /^@pryx\/(sdk|plugin-[^/]+)(\/.*)?$/],
  },
  { place: /^plugins\//, is: 'a plugin', may: [/^plugins\//, /^@pryx\/sdk$/, /^@pryx\/plugin-[^/]+\/.+$/] },
  { place: /^examples\//, is: 'an example', may: [/^examples\//, /^@pryx\//, /^pryx$/] },
]

const NODE_PLACES = [
  /^packages\/kernel\/src\/node\//,
  /^packages\/(capabilities|pryx|create-pryx-plugin)\//,
  /^packages\/sdk\/src\/(build|testing)\//,
  /^plugins\/[^/]+\/page\/(build|dev-server)\.ts$/, // scripts of the author's machine; what they make is the page
  /^examples\/(?!.*plugin)/,
]

test('N1: every arrow between the layers points at the kernel', () => {
  expect(shipped.length).toBeGreaterThan(300) // it did read them
  const wrong = shipped.flatMap((one) => {
    const layer = LAYERS.find(({ place }) => place.test(one.file))
    if (layer === undefined) return [`${at(one)} lies in no layer`]
    const named = one.target ?? (isOurs(one.specifier) ? one.specifier : undefined)
    if (named === undefined || layer.may.some((rule) => rule.test(named))) return []
    return [
      `${at(one)} imports ${one.specifier}: ${layer.is} may import ${layer.may.map(({ source }) => source).join(' or ')}`,
    ]
  })

  expect(wrong).toEqual([])
})

test('N1: a plugin stays within its own package, but for what others export', () => {
  const wrong = shipped
    .filter(({ file, target }) => file.startsWith('plugins/') && target && pluginOf(target) !== pluginOf(file))
    .map((one) => `${at(one)} reaches into another plugin by path: ${one.specifier}; import what its package exports`)

  expect(wrong).toEqual([])
})

test('N1: Node is imported where powers are made, and nowhere else', () => {
  const wrong = shipped
    .filter(({ specifier, file }) => isNode(specifier) && !NODE_PLACES.some((place) => place.test(file)))
    .map((one) => `${at(one)} imports ${one.specifier}; take the power as an argument`)

  expect(wrong).toEqual([])
})

test('N1: built-in modules are named with node:', () => {
  const wrong = imports
    .filter(({ specifier }) => !specifier.startsWith('node:') && builtinModules.includes(specifier))
    .map((one) => `${at(one)} imports ${one.specifier}; write node:${one.specifier}`)

  expect(wrong).toEqual([])
})

test('N1: nothing reaches past the exports of a package', () => {
  const wrong = shipped.flatMap((one) => {
    const owner = packages.find(({ name }) => one.specifier === name || one.specifier.startsWith(`${name}/`))
    if (owner) {
      const entry = `.${one.specifier.slice(owner.name.length)}`
      return Object.hasOwn(owner.exports, entry)
        ? []
        : [`${at(one)} imports ${one.specifier}; ${owner.name} exports ${Object.keys(owner.exports).join(', ')}`]
    }
    const home = homeOf(one.file)
    if (one.target === undefined || home === undefined || one.target.startsWith(`${home}/`)) return []
    return [`${at(one)} leaves its package: ${one.specifier}`]
  })

  expect(wrong).toEqual([])
})

test('N1: what a package imports, its package.json names', () => {
  const wrong = shipped.flatMap((one) => {
    const owner = packages.find(({ folder }) => one.file.startsWith(`${folder}/`))
    const [first = '', second] = one.specifier.split('/')
    const name = first.startsWith('@') ? `${first}/${second}` : first
    if (
      owner === undefined ||
      one.specifier.startsWith('.') ||
      isNode(one.specifier) ||
      name === owner.name ||
      owner.dependencies.has(name)
    )
      return []
    return [`${at(one)} imports ${one.specifier}; add ${name} to the dependencies in ${owner.folder}/package.json`]
  })

  expect(wrong).toEqual([])
})

test("N1: the kernel's core needs three libraries and no more", () => {
  const core = shipped.filter(({ file }) => /^packages\/kernel\/src\/(?!node\/|guest\/)/.test(file))
  const libraries = new Set(core.map(({ specifier }) => specifier).filter((specifier) => !specifier.startsWith('.')))

  expect([...libraries].sort()).toEqual(['eventemitter3', 'semver', 'zod'])
})

test("N1: the kernel's Node side is entered through its front door", () => {
  const wrong = shipped
    .filter(
      ({ file, target }) =>
        target?.startsWith('packages/kernel/src/node/') &&
        !file.startsWith('packages/kernel/src/node/') &&
        file !== 'packages/kernel/src/index.ts',
    )
    .map((one) => `${at(one)} imports ${one.specifier}`)

  expect(wrong).toEqual([])
})

test('N1: relative imports name the file, with its ending', () => {
  const wrong = imports
    .filter(({ specifier }) => specifier.startsWith('.') && !/\.(tsx?|json|css|js|mjs)$/.test(specifier))
    .map((one) => `${at(one)} imports ${one.specifier}`)
  const missing = imports
    .filter(({ specifier, target }) => specifier.startsWith('.') && /\.tsx?$/.test(specifier) && target === undefined)
    .map((one) => `${at(one)} imports ${one.specifier}, which is not there`)

  expect([...wrong, ...missing]).toEqual([])
})

test('N1: no file imports itself by way of others', () => {
  const graph = new Map<string, string[]>()
  for (const { file, target, typeOnly } of shipped)
    if (target && !typeOnly) graph.set(file, [...(graph.get(file) ?? []), target])

  expect(cyclesOf(graph)).toEqual([])
})

// ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────────

function readImports(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, false)
  const found: Import[] = []
  visit(source)
  return found

  function visit(node: ts.Node): void {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node))
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier)
      add(node.moduleSpecifier, node.isTypeOnly || allTypes(node.exportClause))
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    ts.forEachChild(node, visit)
  }

  function add(specifier: ts.Node | undefined, typeOnly: boolean): void {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return // worked out at run time: no edge that could be read
    const line = source.getLineAndCharacterOfPosition(specifier.pos).line + 1
    found.push({ file, line, specifier: specifier.text, typeOnly, target: targetOf(file, specifier.text) })
  }
}

function isTypeImport({ importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return false
  if (importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  return importClause.name === undefined && allTypes(importClause.namedBindings)
}

function allTypes(bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined): boolean {
  if (bindings === undefined || !(ts.isNamedImports(bindings) || ts.isNamedExports(bindings))) return false
  return bindings.elements.length > 0 && bindings.elements.every(({ isTypeOnly }) => isTypeOnly)
}

function targetOf(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const path = resolve(root, dirname(file), specifier)
  return existsSync(path) ? relative(root, path) : undefined
}

function readPackages(): Package[] {
  return globSync('{packages,plugins}/*/package.json', { cwd: root }).map((file) => {
    const {
      name,
      exports = {},
      ...rest
    } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { name: string; exports?: Package['exports'] }
    const lists = rest as Partial<
      Record<'dependencies' | 'devDependencies' | 'peerDependencies', Record<string, string>>
    >
    const dependencies = new Set(
      Object.keys({ ...lists.dependencies, ...lists.devDependencies, ...lists.peerDependencies }),
    )
    return { name, folder: dirname(file), exports, dependencies }
  })
}

/** Strongly connected files, each as one line of the way round. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>()
  const cycles: string[] = []
  for (const start of graph.keys()) walk(start, [])
  return cycles

  function walk(file: string, way: string[]): void {
    const from = way.indexOf(file)
    if (from >= 0) return void cycles.push([...way.slice(from), file].join(' → '))
    if (done.has(file)) return
    for (const next of graph.get(file) ?? []) walk(next, [...way, file])
    done.add(file)
  }
}

function isTest(file: string): boolean {
  return /(\.test\.tsx?|testing\.ts|same-as-node\.ts|test-realm\.ts)$/.test(file)
}

function isNode(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier)
}

function isOurs(specifier: string): boolean {
  return packages.some(({ name }) => specifier === name || specifier.startsWith(`${name}/`))
}

function homeOf(file: string): string | undefined {
  return packages.find(({ folder }) => file.startsWith(`${folder}/`))?.folder
}

function pluginOf(file: string): string | undefined {
  return /^plugins\/([^/]+)\//.exec(file)?.[1]
}

function at({ file, line }: Import): string {
  return `${file}:${line}`
}

test('a CommonJS package is imported at run time by its default alone: in a bundle it has no names', () => {
  const dynamic = files
    .filter((file) => file.startsWith('packages/') && !isTest(file))
    .flatMap((file) => [...linesWith(file, /import\('([^'.][^']*)'\)/)])
    .filter(({ specifier }) => !specifier.startsWith('node:') && !specifier.startsWith('@pryx/'))

  expect(dynamic.length).toBeGreaterThan(4)
  expect(
    dynamic
      .filter(({ file, specifier }) => isCommonJs(file, specifier))
      .filter(({ text }) => !/const \{ default: \w+ \} = await import\(/.test(text))
      .map(({ file, line, text }) => `${file}:${line}: ${text.trim()}`),
  ).toEqual([])
})

function* linesWith(file: string, pattern: RegExp) {
  for (const [i, text] of readFileSync(join(root, file), 'utf8').split('\n').entries()) {
    const [, specifier] = pattern.exec(text) ?? []
    if (specifier !== undefined && !/^\s*(\/\/|\*)|typeof import/.test(text))
      yield { file, line: i + 1, text, specifier }
  }
}

/** As esbuild takes it for an application: `import` goes before `default`. */
function isCommonJs(file: string, specifier: string): boolean {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const [, folder] = /^(packages\/[^/]+)\//.exec(file) ?? []
  const about = join(root, folder ?? '', 'node_modules', name, 'package.json')
  const { type, module, exports } = JSON.parse(readFileSync(about, 'utf8')) as Record<string, unknown>
  return type !== 'module' && module === undefined && !JSON.stringify(exports ?? {}).includes('"import"')
}
