// packages/capabilities/src/http/routes.ts: which plugin answers which path.
//   P1  The longest prefix wins, at the border of a path segment: `/a` takes `/a` and `/a/b`, never `/ab`.
//   P2  A prefix belongs to one plugin. The same plugin may take it again (a new instance beside the old): the newest answers.
//   P3  A prefix whose plugin has just gone says "come back soon" for a while, instead of "never heard of it".
import { CapabilityError, type PluginId, type Release } from '@pryx/kernel/contract'

const GRACE_MS = 30_000 // a plugin that restarts is back by then

export interface Routes<T> {
  /** @throws HTTP_PREFIX_TAKEN if another plugin has it. */
  add(prefix: string, plugin: PluginId, target: T): Release
  /** The route of a path; `gone` if its plugin has just left (P3). */
  match(path: string): { target: T; prefix: string; plugin: PluginId } | 'gone' | undefined
  /** Lets go of a plugin's prefix early. */
  drop(prefix: string, plugin: PluginId): boolean
}

interface Owned<T> {
  plugin: PluginId
  /** Newest last. */
  targets: T[]
  goneAt: number
}

export function createRoutes<T>(now: () => number): Routes<T> {
  const owners = new Map<string, Owned<T>>()
  return {
    add(prefix, plugin, target) {
      const owned = owners.get(prefix)
      if (owned !== undefined && owned.plugin !== plugin && owned.targets.length > 0) throw taken(prefix, owned.plugin) // P2
      const mine = owned?.plugin === plugin ? owned : { plugin, targets: [], goneAt: 0 }
      mine.targets.push(target)
      owners.set(prefix, mine)
      return () => leave(mine, target)
    },
    match(path) {
      for (const prefix of prefixesOf(path)) {
        const owned = owners.get(prefix)
        const target = owned?.targets.at(-1)
        if (owned === undefined) continue
        if (target !== undefined) return { target, prefix, plugin: owned.plugin }
        if (now() - owned.goneAt < GRACE_MS) return 'gone' // P3
        owners.delete(prefix)
      }
      return undefined
    },
    drop(prefix, plugin) {
      const owned = owners.get(prefix)
      return owned?.plugin === plugin && owners.delete(prefix)
    },
  }

  function leave(owned: Owned<T>, target: T): void {
    owned.targets = owned.targets.filter((other) => other !== target)
    owned.goneAt = now()
  }
}

/** `/a/b` → `/a/b`, `/a`, `/`: longest first (P1). */
function* prefixesOf(path: string): Generator<string> {
  let prefix = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
  while (prefix.length > 1) {
    yield prefix
    prefix = prefix.slice(0, prefix.lastIndexOf('/'))
  }
  yield '/'
}

function taken(prefix: string, owner: PluginId): CapabilityError {
  return new CapabilityError('HTTP_PREFIX_TAKEN', `${prefix} is served by ${owner} already`, {
    hint: 'Choose another prefix, or stop that plugin.',
    prefix,
    owner,
  })
}
