// packages/pryx/src/host/switches.ts: which plugins the user switched on or off while a host ran; it outlives the host and goes before pryx.json.
//   W1  The file is replaced whole. A damaged one is kept aside and told of; without it pryx.json decides.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { PluginId } from '@pryx/kernel/contract'
import { z } from 'zod'

export interface Switches {
  /** What the user said; undefined if nothing. */
  of(plugin: PluginId): boolean | undefined
  /** On disk as it returns. */
  set(plugin: PluginId, on: boolean): void
  /** The plugin was removed. */
  forget(plugin: PluginId): void
}

const schema = z.strictObject({ version: z.literal(1), on: z.record(z.string(), z.boolean()) })

export function openSwitches(file: string, onDamaged: (keptAs: string) => void = () => {}): Switches {
  const on = new Map(Object.entries(read(file, onDamaged)))
  return {
    of: (plugin) => on.get(plugin),
    set(plugin, value) {
      if (on.get(plugin) === value) return
      on.set(plugin, value)
      write(file, { version: 1, on: Object.fromEntries(on) })
    },
    forget(plugin) {
      if (on.delete(plugin)) write(file, { version: 1, on: Object.fromEntries(on) })
    },
  }
}

function read(file: string, onDamaged: (keptAs: string) => void): Record<PluginId, boolean> {
  if (!existsSync(file)) return {}
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8'))).on
  } catch {
    const keptAs = freeName(`${file}.corrupt-`)
    renameSync(file, keptAs)
    onDamaged(keptAs) // W1
    return {}
  }
}

function write(file: string, json: z.input<typeof schema>): void {
  writeFileSync(`${file}.tmp`, `${JSON.stringify(json, null, 2)}\n`, { mode: 0o600, flush: true })
  renameSync(`${file}.tmp`, file)
}

function freeName(prefix: string): string {
  for (let n = 1; ; n++) if (!existsSync(`${prefix}${n}`)) return `${prefix}${n}`
}
