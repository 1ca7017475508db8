// plugins/web/page/build.ts: builds the page into dist/page: a script, its parts that are loaded when they are needed, one style sheet, nothing from elsewhere.
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  convertCssVariables,
  DEFAULT_THEME,
  defaultCssVariablesResolver,
  type MantineTheme,
  mergeMantineTheme,
} from '@mantine/core'
import { build } from 'esbuild'
import { theme, variables } from './theme.ts'

const page = dirname(fileURLToPath(import.meta.url))
const out = join(page, '../dist/page')

export async function buildPage(): Promise<void> {
  await rm(join(out, 'parts'), { recursive: true, force: true }) // those of earlier builds
  await mkdir(out, { recursive: true })
  await build({
    absWorkingDir: page,
    entryPoints: { page: 'main.tsx' },
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
  for (const file of ['index.html', 'icon.svg']) await copyFile(join(page, file), join(out, file))
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
