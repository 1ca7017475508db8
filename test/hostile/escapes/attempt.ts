// test/hostile/escapes/attempt.ts: what an attempt to break out is, and the code every hostile guest begins with.

/** One way out that was tried, here or elsewhere. The families are lists of these. */
export interface Attempt {
  /** Goes on from "K3: a plugin that …". */
  title: string
  /** Where the technique is known from. */
  known?: string
  /**
   * Body of an async function with `ctx` and the tools of `PRELUDE`. It gives what it got hold of to `climb`, says by `got` what it
   * must not have, and answers something that shows it ran.
   */
  code: string
  /** Runs at the top of the module, before the runtime hands it anything. */
  first?: string
  /** Must equal what `code` answers: a technique that was not really tried proves nothing. Default: `'tried'`. */
  answers?: unknown
  /** It ends its own guest or its own call this way instead of answering. */
  fails?: RegExp
  /** It speaks the kernel's language behind the runtime's back: the kernel must have heard it. */
  forges?: boolean
  manifest?: Record<string, unknown>
}

/**
 * Tools of every hostile guest, taken before the attack patches anything. `climb` goes wherever a value leads and notes each realm
 * that is not its own; `forge` sends messages as they are; `heard` is all that was delivered.
 */
export const PRELUDE = `
const home = globalThis
const { parse, stringify } = JSON
const { getPrototypeOf, getOwnPropertyDescriptor, defineProperty } = Object
const { apply: use, ownKeys } = Reflect
const wait = ((later) => (ms) => new Promise((done) => later(done, ms)))(setTimeout)
const until = async (look) => { for (let i = 0; i < 500; i++) { const found = look(); if (found !== undefined) return found; await wait(5) } }
const SIGNS = ['process', 'require', 'module', 'Buffer', 'Deno', 'Bun', '__pryxCanary', '__pryxBoot', '__pryxModule', 'ivm']
const reached = []
const put = (list, value) => defineProperty(list, list.length, { value, writable: true, enumerable: true, configurable: true })
const got = (what) => { if (reached.length < 20) put(reached, String(what)) }

const isForeign = (world) => world !== home && (typeof world === 'object' || typeof world === 'function') && world !== null
function judge(world, how) {
  if (isForeign(world)) got(how + ': another global object')
  for (let i = 0; i < SIGNS.length; i++) { try { if (world?.[SIGNS[i]] !== undefined) got(how + ': ' + SIGNS[i]) } catch {} }
}
const OwnFunction = (() => {}).constructor
const later = []
const { allSettled } = Promise
const settleAll = () => allSettled.call(Promise, later)
function asMaker(maker, how) {
  if (maker === OwnFunction || typeof maker !== 'function') return
  let world
  try { world = maker('return globalThis')() } catch { return }
  const take = (found) => {
    if (typeof found?.then === 'function') put(later, found.then(take, () => {}))
    else if (typeof found?.next === 'function') take(found.next())
    else if (typeof found === 'object' && found !== null && 'done' in found) judge(found.value, how)
    else judge(found, how)
  }
  take(world)
}
const seen = new WeakSet()
const { has: sawIt, add: seeIt } = WeakSet.prototype
let climbing = false
function climb(start, how = 'a value') {
  if (climbing) return
  climbing = true
  let left = 300
  const visit = (value, depth) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || value === home) return
    if (left-- <= 0 || depth > 4 || use(sawIt, seen, [value])) return
    use(seeIt, seen, [value])
    try { asMaker(value.constructor?.constructor, how) } catch {}
    try { asMaker(value.constructor, how) } catch {}
    try { visit(getPrototypeOf(value), depth + 1) } catch {}
    let keys = []
    try { keys = ownKeys(value) } catch {}
    for (let i = 0; i < keys.length && i < 60; i++) {
      const key = keys[i]
      if (key === 'caller' || key === 'callee') continue
      try {
        const { value: held, get, set } = getOwnPropertyDescriptor(value, key) ?? {}
        visit(held, depth + 1); visit(get, depth + 1); visit(set, depth + 1)
      } catch {}
    }
  }
  try { visit(start, 0) } catch {} finally { climbing = false }
}
/** What \`attempt\` returns or throws, now or later, is climbed. */
async function steal(attempt, how) {
  try {
    const value = attempt()
    climb(value, how)
    climb(await value, how)
  } catch (error) { climb(error, how) }
}

const heard = []
JSON.parse = function (...args) {
  const value = parse.apply(JSON, args)
  if (Array.isArray(value) && value.length > 0 && typeof value[0]?.t === 'string') heard.push(...parse(args[0]))
  return value
}
function forge(ctx, ...messages) {
  const real = JSON.stringify
  const texts = [...messages, { t: 'log', level: 'info', text: 'forged' }].map((m) => (typeof m === 'string' ? m : stringify(m)))
  JSON.stringify = function (value, ...rest) {
    if (value?.t === 'log' && value.text === 'forge') return texts.join(',')
    return real.call(JSON, value, ...rest)
  }
  try { ctx.log.info('forge') } finally { JSON.stringify = real }
}
/** Puts \`value\` in place of \`object[key]\` while \`during\` runs. */
async function patched(object, key, value, during) {
  const before = getOwnPropertyDescriptor(object, key)
  Object.defineProperty(object, key, { value, writable: true, configurable: true, enumerable: before?.enumerable ?? false })
  try { return await during() } finally {
    if (before) Object.defineProperty(object, key, before)
    else delete object[key]
  }
}
const service = (name) => ({ kind: 'service', name, version: '1.0.0' })
const event = (name) => ({ kind: 'event', name, schema: { parse: (x) => x } })
const outcome = async (work) => { try { return { value: await work() } } catch (error) { return { code: String(error?.code ?? error?.name) } } }
`

/** The module of the hostile plugin `id`. */
export function guestOf({ first = '', code }: Attempt, id: string): string {
  return `${PRELUDE}
${first}
async function attack(ctx) {
${code}
}
export default { activate(ctx) {
  ctx.provide(service('${id}'), { async attack() {
    const value = (await attack(ctx)) ?? 'tried'
    await settleAll()
    return { reached, value }
  } })
} }`
}
