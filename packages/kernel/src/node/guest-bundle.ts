// packages/kernel/src/node/guest-bundle.ts: how the guest script is bundled. Used by scripts/build.ts and by the test of the real isolate.
//   Each plugin's isolate makes all objects of the snapshot anew, and twice: isolated-vm keeps a context of its own in it. So what
//   zod makes ahead of use is what every start pays for. The edits below leave out what can wait; none changes what zod does.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface OutputFile {
  path: string
  text: string
  contents: Uint8Array
}

interface Loaded {
  contents: string
  loader: 'js'
}

/** The part of esbuild's plugin interface that is needed here: the kernel itself does not depend on esbuild. */
interface BundlePlugin {
  name: string
  setup(build: {
    initialOptions: { write?: boolean | undefined }
    esbuild: { build(options: never): Promise<{ outputFiles?: OutputFile[] | undefined }> }
    onResolve(
      options: { filter: RegExp },
      resolve: (file: { path: string; resolveDir: string }) => { path: string; namespace: string },
    ): void
    onLoad(
      options: { filter: RegExp; namespace?: string },
      load: (file: { path: string }) => Loaded | Promise<Loaded>,
    ): void
    onEnd(end: (result: { outputFiles?: OutputFile[] | undefined }) => void): void
  }): void
}

type Edit = readonly [found: string, replacement: string]

/** Leaves out 50 of zod's 51 languages: 264 KB of 641 KB. `z.locales.en` stays. */
export const englishOnly: BundlePlugin = {
  name: 'english-only',
  setup(build) {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js'",
      loader: 'js',
    }))
  },
}

/** zod has 181 schema classes, of which a plugin uses ten: each made 3 functions, 2 prototypes and 3 hash tables ahead of use. */
const CLASS_EDITS: readonly Edit[] = [
  // The constructor of a schema's internals is made by its first instance.
  [
    'const zodProto = {};\n',
    `let Internals;
    function internalsOf(def) {
        Internals ??= makeInternals();
        return new Internals(def);
    }
    function makeInternals() {
`,
  ],
  ['Internals.prototype = zodProto;', 'Internals.prototype = {};\n    return Internals;\n    }'],
  ['new Internals(def);\n            try', 'internalsOf(def);\n            try'],
  // Only errors have a parent, and only with a parent is this class looked at.
  [
    'class Definition extends Parent {\n    }\n    Object.defineProperty(Definition, "name", { value: name });',
    'const Definition = params?.Parent && { [name]: class extends Parent {\n    } }[name];',
  ],
  // Named at birth: a function renamed later keeps its properties in a hash table.
  ['function _(def) {\n        const inst', 'const _ = { [name]: function (def) {\n        const inst'],
  [
    'return inst;\n    }\n    Object.defineProperty(_, "init"',
    'return inst;\n    } }[name];\n    Object.defineProperty(_, "init"',
  ],
  ['    Object.defineProperty(_, "name", { value: name });\n', ''],
]

/** A member's accessors are the same for every class that has it: one pair for all, where each class had 45 of its own. */
const MEMBER_EDITS: readonly Edit[] = [
  [
    'export function members(proto, table) {\n',
    `const described = new Map();
export function members(proto, table) {
    let all = described.get(table);
    if (all === undefined) {
        describe((all = {}), table);
        described.set(table, (all = Object.getOwnPropertyDescriptors(all)));
    }
    Object.defineProperties(proto, all);
}
function describe(proto, table) {
`,
  ],
]

/** Makes what each of zod's classes needs when it is first used. */
export const lazyClasses: BundlePlugin = {
  name: 'lazy-classes',
  setup(build) {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]core[\\/]core\.js$/ }, ({ path }) => load(path, CLASS_EDITS))
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]core[\\/]util\.js$/ }, ({ path }) => load(path, MEMBER_EDITS))
  },
}

function load(path: string, edits: readonly Edit[]): Loaded {
  return { contents: edits.reduce((text, edit) => replace(text, edit, path), readFileSync(path, 'utf8')), loader: 'js' }
}

/** Compression as one function that runs when it is first asked for, with short names: until then it is text and nothing else. */
const lateCompression: BundlePlugin = {
  name: 'late-compression',
  setup({ esbuild, onResolve, onLoad }) {
    onResolve({ filter: /^\.\/zlib\.ts$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path),
      namespace: 'late',
    }))
    onLoad({ filter: /.*/, namespace: 'late' }, async ({ path }) => {
      const options = { entryPoints: [path], bundle: true, write: false, format: 'cjs', target: 'es2024', minify: true }
      const { outputFiles } = await esbuild.build(options as never)
      return { contents: outputFiles![0]!.text, loader: 'js' } // there is one, for one entry point
    })
  },
}

/** Getters of namespaces as the bundler makes them, but configurable: settle.ts takes them away. */
const openNamespaces: BundlePlugin = {
  name: 'open-namespaces',
  setup(build) {
    const write = build.initialOptions.write !== false
    build.initialOptions.write = false
    build.onEnd(({ outputFiles = [] }) => {
      for (const file of outputFiles) {
        const text = file.text.replace(
          /\{get:(\w+)\[(\w+)\],enumerable:!0\}/,
          '{get:$1[$2],enumerable:!0,configurable:!0}',
        )
        file.contents = new TextEncoder().encode(text)
        if (write) writeFileSync(file.path, file.contents)
      }
    })
  },
}

function replace(text: string, [found, replacement]: Edit, path: string): string {
  if (text.split(found).length !== 2) throw new Error(`${path} is not as it was, look again at: ${found}`)
  return text.replace(found, () => replacement)
}

/** Options for `esbuild.build`; the caller adds where from and where to. */
export const guestBundle = {
  bundle: true,
  format: 'iife' as const,
  platform: 'neutral' as const,
  target: 'es2024',
  conditions: ['source', 'import', 'default'],
  mainFields: ['module', 'main'],
  // Names stay as they are: errors are known by the names of their classes, and stacks can be read. `keepNames` would
  // do the same for shortened names, but costs each isolate 0.9 MB of heap.
  minifyWhitespace: true,
  minifySyntax: true,
  plugins: [englishOnly, lazyClasses, lateCompression, openNamespaces],
}
