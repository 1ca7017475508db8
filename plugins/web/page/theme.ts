// plugins/web/page/theme.ts: colours, type and shape. Its CSS variables are written at build time, so that the page needs no inline style.
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'

const lagoon: MantineColorsTuple = [
  '#e6f6f4',
  '#cfebe8',
  '#a0d8d2',
  '#6cc4bc',
  '#43b4aa',
  '#29a99e',
  '#159f94',
  '#0e8378',
  '#087168',
  '#005e56',
]

const ink: MantineColorsTuple = [
  '#dfe4e9',
  '#b9c1ca',
  '#929daa',
  '#59636e',
  '#2a3138',
  '#20262c',
  '#171c21',
  '#0f1316',
  '#0b0e10',
  '#070909',
]

const sans = 'ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Inter", "Noto Sans", "DejaVu Sans", sans-serif'
const mono = 'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", "DejaVu Sans Mono", monospace'

export const theme = createTheme({
  primaryColor: 'lagoon',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  colors: { lagoon, dark: ink },
  fontFamily: sans,
  fontFamilyMonospace: mono,
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  headings: { fontFamily: sans, fontWeight: '620' },
})

/** What Mantine has no word for: surfaces, lines and the colours of outcomes. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#f5f7f8',
    '--mantine-color-dimmed': '#5f6b76',
    '--panel': '#ffffff',
    '--panel-raised': '#ffffff',
    '--hover': '#f0f3f5',
    '--line': '#e1e6ea',
    '--good': '#0b7a4b',
    '--wait': '#946200',
    '--bad': '#c02b34',
    '--calm': '#5f6b76',
    '--accent': '#0e7a71',
    '--shadow': '0 12px 40px rgb(20 32 40 / 16%)',
    ...series(['#0e7a71', '#b4540a', '#5b4bc4', '#b02a6b', '#2f6fb5', '#6f7d12', '#8a5a2b', '#4b5a66']),
  },
  dark: {
    '--mantine-color-dimmed': '#929daa',
    '--panel': '#171c21',
    '--panel-raised': '#1d2329',
    '--hover': '#1e242a',
    '--line': '#272e35',
    '--good': '#4ccb8f',
    '--wait': '#e8b445',
    '--bad': '#ff7b7b',
    '--calm': '#929daa',
    '--accent': '#43c2b6',
    '--shadow': '0 16px 48px rgb(0 0 0 / 55%)',
    ...series(['#43c2b6', '#f0954a', '#a99bff', '#f27fb2', '#6db3f5', '#c3cf5a', '#d3a271', '#a8b6c2']),
  },
})

/** Lines of a plot, told apart by the colour blind too: neighbours differ in lightness. */
function series(colours: readonly string[]): Record<string, string> {
  return Object.fromEntries(colours.map((colour, i) => [`--series-${i + 1}`, colour]))
}
