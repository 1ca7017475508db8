// packages/kernel/src/reload/reloader.ts: edit → rebuild → check → swap (K7).
//   R1  One reload of a plugin at a time; edits meanwhile make exactly one more afterwards.
//   R2  Equal content is no edit: a touch, a save storm or a rename there and back swaps nothing.
//   R3  Whatever goes wrong, the running version stays, the error is told with its place, and the next edit tries again.
import type { Release, Scope } from '../contract/index.ts'
import type { PluginPackage } from '../lifecycle/package.ts'
import type { Clock } from '../powers.ts'

const DEBOUNCE_MS = 5 // a save is often several events; those of an editor that is slower cost one more look (R1, R2)

export interface ReloaderOptions {
  scope: Scope
  clock: Clock
  /** Calls back on any change below the plugin's watched files. */
  watch(onChange: () => void): Release
  /** Builds the plugin from its sources first; absent where the bundle itself is watched. */
  build?: (() => Promise<void>) | undefined
  open(): Promise<PluginPackage>
  /** The package that runs now. */
  current(): PluginPackage
  /** Waits until wider permissions are granted; rejects if they are not. */
  consent(next: PluginPackage): Promise<void>
  swap(next: PluginPackage): Promise<void>
  onReloaded(next: PluginPackage, tookMs: number): void
  /** There was a change, and it left the plugin as it runs (R2). */
  onSame?: () => void
  onError(error: unknown): void
}

/** Watches one plugin and swaps it at each real edit, until the scope ends. */
export function createReloader(options: ReloaderOptions): void {
  const { scope, clock } = options
  let pending: Release | undefined
  let working = false
  let again = false
  scope.effect(() => options.watch(changed))

  function changed(): void {
    if (scope.closed) return
    void pending?.()
    pending = clock.after(DEBOUNCE_MS, () => void work())
  }

  async function work(): Promise<void> {
    if (working) {
      again = true // R1
      return
    }
    working = true
    do {
      again = false
      await reload().catch(failed)
    } while (again && !scope.closed)
    working = false
  }

  /** R3; an error of what has been written over meanwhile is nobody's concern. */
  function failed(error: unknown): void {
    if (!again) options.onError(error)
  }

  async function reload(): Promise<void> {
    const startedAt = clock.now()
    await options.build?.()
    const next = await options.open()
    if (scope.closed) return
    if (next.revision === options.current().revision) return options.onSame?.() // R2
    await options.consent(next)
    await options.swap(next)
    options.onReloaded(next, clock.now() - startedAt)
  }
}
