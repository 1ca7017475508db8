// test/model/permissions.ts: who may do what, as the specification says it and as simply as can be: the model the kernel is held against (K4).
//   P1  Not declared: no. Else the last thing the user said that speaks of it, and still holds, counts; nothing said: ask.
//   P2  A no speaks of all that overlaps it; a yes of what lies within it.
//   P3  A yes for one call is overruled by a later no alone.
//   P4  What was said but is not on disk yet may count or not; a no counts at once.
//   P5  What is said for ever takes the place of all that was said before of just that, in the same scope.
export interface Statement {
  permission: string
  mode: 'allow' | 'ask' | 'deny'
  /** Epoch ms from which it holds no more. */
  until: number
  once: boolean
  forever: boolean
  scope: 'host' | 'workspace'
  /** Not on disk yet. */
  pending: boolean
  order: number
  /** The kernel's name for it, once it has said so. */
  id?: string
}

export type Verdict = 'undeclared' | 'allow' | 'ask' | 'deny'

export class PermissionModel {
  #order = 0
  readonly #said = new Map<string, Statement[]>()
  /** Spent by a call that has not acted yet. */
  readonly #spent = new Map<string, Statement[]>()

  say(plugin: string, said: Omit<Statement, 'order'>): Statement {
    const statement = { ...said, order: this.now() }
    this.#of(this.#said, plugin).push(statement)
    return statement
  }

  /** A place in the order of all that is said. */
  now(): number {
    return ++this.#order
  }

  /** True if a no that speaks of `wanted` came after `order` (P3). */
  deniedSince(plugin: string, wanted: string, order: number): boolean {
    return this.#of(this.#said, plugin).some(
      (one) => one.mode === 'deny' && !one.pending && one.order > order && speaks(one, wanted),
    )
  }

  unsay(plugin: string, statement: Statement): void {
    remove(this.#of(this.#said, plugin), statement)
  }

  forget(plugin: string): void {
    this.#said.delete(plugin)
    this.#spent.delete(plugin)
  }

  /** The kernel has written down a grant: grants of a kind are written in the order they were asked for. */
  name(plugin: string, permission: string, once: boolean, id: string): void {
    const said = this.#of(this.#said, plugin).find(
      (one) => one.id === undefined && one.scope === 'workspace' && one.once === once && one.permission === permission,
    )
    if (said) said.id = id
  }

  /** The kernel says that a grant for once was used. Answers its place in the order. */
  spend(plugin: string, id: string): number | undefined {
    const own = this.#of(this.#said, plugin)
    const used = own.find((one) => one.id === id)
    if (used === undefined) return undefined
    remove(own, used)
    this.#of(this.#spent, plugin).push(used)
    return used.order
  }

  /** Takes one spent grant that speaks of `wanted`: each lets one act through. Answers its place in the order. */
  claim(plugin: string, wanted: string): number | undefined {
    const own = this.#of(this.#spent, plugin)
    const used = own.findLast((one) => covers(one.permission, wanted)) // older ones were spent by calls that needed none
    if (used) remove(own, used)
    return used?.order
  }

  /** Every verdict there may be at `now` (P4). */
  verdicts(plugin: string, declared: readonly string[], wanted: string, now: number): Set<Verdict> {
    if (!declared.some((one) => covers(one, wanted))) return new Set(['undeclared']) // P1
    const verdicts = new Set<Verdict>()
    const newer: Statement[] = []
    for (const one of this.#of(this.#said, plugin).toReversed()) {
      const places = newer.filter((next) => next.forever && isOfTheSame(next, one)) // P5
      newer.push(one)
      if (now >= one.until || !speaks(one, wanted) || places.some((next) => !next.pending)) continue
      verdicts.add(one.mode)
      if (!one.pending && places.length === 0) return verdicts
    }
    return verdicts.add('ask')
  }

  #of(table: Map<string, Statement[]>, plugin: string): Statement[] {
    const own = table.get(plugin) ?? []
    table.set(plugin, own)
    return own
  }
}

/** `x:*` and `x:y.*` stand for all that begins so. */
export function covers(granted: string, wanted: string): boolean {
  return granted === wanted || (granted.endsWith('*') && wanted.startsWith(granted.slice(0, -1)))
}

function speaks({ mode, permission }: Statement, wanted: string): boolean {
  return covers(permission, wanted) || (mode === 'deny' && covers(wanted, permission)) // P2
}

function isOfTheSame(one: Statement, other: Statement): boolean {
  return one.permission === other.permission && one.scope === other.scope
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item)
  if (at >= 0) list.splice(at, 1)
}
