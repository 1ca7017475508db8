// packages/kernel/src/guest/guest-bundle.ts: how the guest script is bundled. Used by scripts/build.ts and by the test of the real isolate.

/** The part of esbuild's plugin interface that is needed here: the kernel itself does not depend on esbuild. */
interface BundlePlugin {
  name: string
  setup(build: { onLoad(options: { filter: RegExp }, load: () => { contents: string; loader: 'js' }): void }): void
}

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
  plugins: [englishOnly],
}
