// plugins/web/page/build.ts: builds the page into dist/page: a script, its parts that are loaded when they are needed, one style sheet, nothing from elsewhere.
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  convertCssVariables,
  DEFAULT_THEME,
  defaultCssVariablesResolver,
  type MantineTheme,
  mergeMantineTheme,
} from '@mantine/core'
import { build, type Metafile } from 'esbuild'
import { theme, variables } from './theme.ts'

const page = dirname(fileURLToPath(import.meta.url))
const out = join(page, '../dist/page')
const SCRIPT = '<script type="module"'

export async function buildPage(): Promise<void> {
  await rm(join(out, 'parts'), { recursive: true, force: true }) // those of earlier builds
  await mkdir(out, { recursive: true })
  const { metafile } = await build({
    absWorkingDir: page,
    metafile: true,
    entryPoints: { begin: 'begin.ts', page: 'main.tsx' },
    outdir: out,
    bundle: true,
    splitting: true,
    chunkNames: 'parts/[name]-[hash]',
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: ['es2022', 'chrome112', 'firefox115', 'safari16.4'],
    conditions: ['source'],
    jsx: 'automatic',
    sourcemap: false,
    legalComments: 'linked',
    logLevel: 'warning',
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  const sheet = join(out, 'page.css')
  await writeFile(sheet, (await readFile(sheet, 'utf8')) + themeCss()) // last, to win over the defaults
  await copyFile(join(page, 'icon.svg'), join(out, 'icon.svg'))
  const html = await readFile(join(page, 'index.html'), 'utf8')
  await writeFile(
    join(out, 'index.html'),
    html.replace(SCRIPT, (script) => preloads(metafile) + script),
  )
}

/** What the scripts begin with comes beside them, not after them. */
function preloads({ outputs }: Metafile): string {
  const scripts = Object.entries(outputs).filter(([path]) => /\/(begin|page)\.js$/.test(path))
  const parts = scripts
    .flatMap(([, { imports }]) => imports)
    .filter(({ kind }) => kind === 'import-statement')
    .map(({ path }) => relative(out, join(page, path)))
  return [...new Set(parts)].map((path) => `<link rel="modulepreload" href="${path}" />\n    `).join('')
}

/** Mantine would write these into a style element at run time, which the page's content security policy forbids. */
function themeCss(): string {
  const merged: MantineTheme = mergeMantineTheme(DEFAULT_THEME, theme)
  const base = defaultCssVariablesResolver(merged)
  const own = variables(merged)
  const css = convertCssVariables(
    {
      variables: { ...base.variables, ...own.variables },
      light: { ...base.light, ...own.light },
      dark: { ...base.dark, ...own.dark },
    },
    ':root',
  )
  return `${css}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPage()
