// packages/pryx/src/author/use.ts: what a plugin's bundle really uses, read from its syntax tree. Nothing is run.
//   U1  What is found is there: a token, a name or a host counts only where the code spells it out.
//   U2  What cannot be read (a name made at run time) is told as `open`, and whoever judges must take it for anything.
import { type AnyNode, type CallExpression, type Expression, type Program, parse } from 'acorn'
import { full, fullAncestor } from 'acorn-walk'

/** Where in the bundle, from 1 and 0 as source maps count. */
export interface Place {
  line: number
  column: number
}

/** Names found, each with the first place it was found at. */
export type Found = Map<string, Place>

export interface Use {
  /** Services and capabilities by name, as `ctx.use` asks for them. */
  required: Found
  optional: Found
  provides: Found
  emits: Found
  listens: Found
  hooks: Found
  /** Tools the code provides, with their descriptions where they are spelled out. */
  tools: Map<string, Place & { description?: string }>
  toolCalls: Found
  /** `host` or `host:port` of requests whose address is spelled out. */
  hosts: Found
  /** First arguments spelled out, by `capability.method`: names of secrets, variables of the environment. */
  names: Found
  /** Names of all methods that are called on anything. */
  methods: ReadonlySet<string>
  /** Methods of capabilities that were called on what `await ctx.use(…)` answered, as `fs.readText`. */
  calls: Found
  exports: ReadonlySet<string>
  /** True where something of the kind is made at run time (U2). */
  open: { services: boolean; provides: boolean; emits: boolean; listens: boolean; tools: boolean; hosts: boolean }
  fetches: boolean
}

type Token =
  | { kind: 'service' | 'event' | 'hook'; name: string }
  | { kind: 'events'; name: string; keys: ReadonlyMap<string, string> }
interface Known {
  tokens: Map<string, Token>
  texts: Map<string, string>
  objects: Map<string, AnyNode>
  /** Variable → service it holds. */
  faces: Map<string, string>
}

/** @param code A bundle as `pryx build` makes it. @throws SyntaxError */
export function findUse(code: string): Use {
  const tree = parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true })
  const known = readDeclarations(tree)
  const use = nothing(exportsOf(tree))
  fullAncestor(tree, (node, _state, ancestors) => {
    if (node.type === 'CallExpression') readCall(node, known, use, ancestors)
    else if (node.type === 'NewExpression' && nameOf(node.callee) === 'Request')
      readAddress(node.arguments[0], known, use, false)
  })
  return use
}

function nothing(exports: ReadonlySet<string>): Use {
  return {
    required: new Map(),
    optional: new Map(),
    provides: new Map(),
    emits: new Map(),
    listens: new Map(),
    hooks: new Map(),
    tools: new Map(),
    toolCalls: new Map(),
    hosts: new Map(),
    names: new Map(),
    methods: new Set(),
    calls: new Map(),
    exports,
    open: { services: false, provides: false, emits: false, listens: false, tools: false, hosts: false },
    fetches: false,
  }
}

// ── declarations ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Tokens, texts, objects and service faces by the name of the variable that holds them. Bundles rarely shadow; where they do, U2 errs to `open`. */
function readDeclarations(tree: Program): Known {
  const known: Known = { tokens: new Map(), texts: new Map(), objects: new Map(), faces: new Map() }
  full(tree, (node) => {
    if (node.type !== 'VariableDeclarator' || node.id.type !== 'Identifier' || !node.init) return
    const { name } = node.id
    const text = literal(node.init)
    const token = tokenOf(node.init, known)
    if (text !== undefined) known.texts.set(name, text)
    else if (token !== undefined) known.tokens.set(name, token)
    else if (unwrapped(node.init).type === 'ObjectExpression') known.objects.set(name, unwrapped(node.init))
  })
  full(tree, (node) => {
    if (node.type !== 'VariableDeclarator' || node.id.type !== 'Identifier' || !node.init) return
    const call = node.init.type === 'AwaitExpression' ? node.init.argument : node.init
    if (call.type !== 'CallExpression' || !/^(use|tryUse)$/.test(methodOf(call) ?? '')) return
    const token = tokenOf(call.arguments[0], known)
    if (token?.kind === 'service') known.faces.set(node.id.name, token.name)
  })
  return known
}

function tokenOf(node: AnyNode | undefined, known: Known): Token | undefined {
  if (node === undefined) return undefined
  const inner = unwrapped(node)
  if (inner.type === 'Identifier') return known.tokens.get(inner.name)
  if (inner.type === 'MemberExpression') return eventOf(inner, known)
  if (inner.type === 'ObjectExpression') return plainToken(inner)
  if (inner.type !== 'CallExpression') return undefined
  const made = /^define(Service|Events|Hook)\d*$/.exec(nameOf(inner.callee) ?? '')?.[1]
  const name = literal(inner.arguments[0])
  if (made === undefined || name === undefined) return undefined
  if (made === 'Service') return { kind: 'service', name }
  if (made === 'Hook') return { kind: 'hook', name }
  return { kind: 'events', name, keys: new Map(keysOf(inner.arguments[1]).map((key) => [key, `${name}.${key}`])) }
}

/** A token written out: `{ kind: 'service', name: 'notes', … }`. */
function plainToken(node: AnyNode): Token | undefined {
  const kind = literal(propertyOf(node, 'kind'))
  const name = literal(propertyOf(node, 'name'))
  if (name === undefined || (kind !== 'service' && kind !== 'event' && kind !== 'hook')) return undefined
  return { kind, name }
}

/** `noteEvents.saved` */
function eventOf(node: AnyNode, known: Known): Token | undefined {
  if (node.type !== 'MemberExpression' || node.object.type !== 'Identifier' || node.property.type !== 'Identifier')
    return undefined
  const family = known.tokens.get(node.object.name)
  const name = family?.kind === 'events' ? family.keys.get(node.property.name) : undefined
  return name === undefined ? undefined : { kind: 'event', name }
}

// ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function readCall(node: CallExpression, known: Known, use: Use, ancestors: readonly AnyNode[]): void {
  const method = methodOf(node)
  const [first] = node.arguments
  const fetches = nameOf(node.callee) === 'fetch' && !ancestors.some(hasOwnFetch)
  if (fetches || method === 'fetch') {
    use.fetches ||= fetches && !ancestors.some(isGivenFetch)
    readAddress(first, known, use)
  }
  if (method === undefined) return
  ;(use.methods as Set<string>).add(method)
  readFaceCall(node, method, known, use)
  if (method === 'use' || method === 'tryUse') readUse(first, method, known, use)
  else if (method === 'provide') readProvide(node, first, known, use)
  else if (method === 'emit') readEvent(first, known, use, 'emits')
  else if (method === 'on') readOn(node, first, known, use)
  else if (method === 'call' && receiverOf(node) === 'tools') add(use.toolCalls, literalOf(first, known) ?? '*', node)
}

/** A function of the plugin's own goes by that name. */
function hasOwnFetch(scope: AnyNode): boolean {
  if (scope.type !== 'BlockStatement' && scope.type !== 'Program') return false
  return scope.body.some((one) => one.type === 'FunctionDeclaration' && one.id.name === 'fetch')
}

/** A parameter goes by that name: it may hold anything, so only an address that is spelled out counts (U2). */
function isGivenFetch(scope: AnyNode): boolean {
  if (!('params' in scope)) return false
  return scope.params.some((one) =>
    one.type === 'ObjectPattern'
      ? one.properties.some((property) => property.type === 'Property' && nameOf(property.value) === 'fetch')
      : nameOf(one) === 'fetch',
  )
}

function readUse(first: AnyNode | undefined, method: string, known: Known, use: Use): void {
  const token = tokenOf(first, known)
  if (token?.kind === 'service') add(method === 'use' ? use.required : use.optional, token.name, first)
  else if (first !== undefined) use.open.services = true
}

function readProvide(node: CallExpression, first: AnyNode | undefined, known: Known, use: Use): void {
  const token = tokenOf(first, known)
  if (token?.kind === 'service') return add(use.provides, token.name, first)
  const tool = first?.type === 'Identifier' ? known.objects.get(first.name) : first
  const name = tool && literalOf(propertyOf(tool, 'name'), known)
  if (name !== undefined && tool !== undefined) {
    const description = literalOf(propertyOf(tool, 'description'), known)
    if (!use.tools.has(name))
      use.tools.set(name, { ...placeOf(tool), ...(description !== undefined && { description }) })
  } else if (receiverOf(node) === 'tools') use.open.tools = true
  else use.open.provides = true
}

function readOn(node: CallExpression, first: AnyNode | undefined, known: Known, use: Use): void {
  const token = tokenOf(first, known)
  if (token?.kind === 'hook') return add(use.hooks, token.name, first)
  if (token?.kind === 'event') return add(use.listens, token.name, first)
  if (receiverOf(node) === 'events') readEvent(first, known, use, 'listens')
}

function readEvent(first: AnyNode | undefined, known: Known, use: Use, kind: 'emits' | 'listens'): void {
  const token = tokenOf(first, known)
  const text = literalOf(first, known)
  const name = token?.kind === 'event' ? token.name : kind === 'listens' ? text : undefined
  if (name !== undefined) add(use[kind], name, first)
  else if (text !== undefined)
    return // some library's own emitter: plugins emit by token
  else use.open[kind] = true
}

function readFaceCall(node: CallExpression, method: string, known: Known, use: Use): void {
  const service = node.callee.type === 'MemberExpression' && known.faces.get(nameOf(node.callee.object) ?? '')
  if (!service) return
  add(use.calls, `${service}.${method}`, node)
  const name = literalOf(node.arguments[0], known)
  if (name !== undefined) add(use.names, `${service}:${name}`, node)
}

/** @param sends False for a request that is only made: whoever sends it is seen too. */
function readAddress(node: AnyNode | undefined, known: Known, use: Use, sends = true): void {
  if (node === undefined) return
  const { text, whole } = beginningOf(node, known)
  const match = /^(https?):\/\/([^/?#\s]+)([/?#]|$)/i.exec(text)
  if (match === null || (match[3] === '' && !whole)) {
    use.open.hosts ||= sends
    return
  }
  const url = URL.parse(`${match[1]}://${match[2]}/`)
  if (url === null) return
  const port = url.port || (url.protocol === 'http:' ? '80' : '')
  add(use.hosts, port === '' ? url.hostname : `${url.hostname}:${port}`, node)
}

/** As much of a text as can be read: all of a literal, or what a template or a sum begins with. */
function beginningOf(node: AnyNode, known: Known): { text: string; whole: boolean } {
  const inner = unwrapped(node)
  const text = literalOf(inner, known)
  if (text !== undefined) return { text, whole: true }
  if (inner.type === 'TemplateLiteral')
    return joined(
      inner.quasis.flatMap((quasi, i) => [quasi, ...inner.expressions.slice(i, i + 1)]),
      known,
    )
  if (inner.type === 'BinaryExpression' && inner.operator === '+') return joined([inner.left, inner.right], known)
  if (inner.type === 'NewExpression' && nameOf(inner.callee) === 'URL' && inner.arguments[0])
    return beginningOf(inner.arguments[inner.arguments.length - 1] as AnyNode, known)
  return { text: '', whole: false }
}

function joined(parts: readonly AnyNode[], known: Known): { text: string; whole: boolean } {
  let sum = ''
  for (const part of parts) {
    const { text, whole } =
      part.type === 'TemplateElement' ? { text: part.value.cooked ?? '', whole: true } : beginningOf(part, known)
    sum += text
    if (!whole) return { text: sum, whole: false }
  }
  return { text: sum, whole: true }
}

// ── reading nodes ────────────────────────────────────────────────────────────────────────────────────────────────────

function add(found: Found, name: string, node: AnyNode | undefined): void {
  if (!found.has(name)) found.set(name, placeOf(node))
}

function placeOf(node: AnyNode | undefined): Place {
  return { line: node?.loc?.start.line ?? 1, column: node?.loc?.start.column ?? 0 }
}

/** `Object.freeze(x)` is x. */
function unwrapped(node: AnyNode): AnyNode {
  if (node.type === 'CallExpression' && methodOf(node) === 'freeze' && node.arguments[0])
    return unwrapped(node.arguments[0])
  return node
}

function literal(node: AnyNode | undefined): string | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined
  return undefined
}

function literalOf(node: AnyNode | undefined, { texts }: Known): string | undefined {
  return node?.type === 'Identifier' ? texts.get(node.name) : literal(node)
}

function nameOf(node: AnyNode): string | undefined {
  return node.type === 'Identifier' ? node.name : undefined
}

function methodOf({ callee }: CallExpression): string | undefined {
  return callee.type === 'MemberExpression' && !callee.computed ? nameOf(callee.property as Expression) : undefined
}

/** `events` of `ctx.events.on(…)` and of `events.on(…)`. */
function receiverOf({ callee }: CallExpression): string | undefined {
  if (callee.type !== 'MemberExpression') return undefined
  const { object } = callee
  return object.type === 'MemberExpression' ? nameOf(object.property as Expression) : nameOf(object)
}

function propertyOf(node: AnyNode, name: string): AnyNode | undefined {
  if (node.type !== 'ObjectExpression') return undefined
  const found = node.properties.find((one) => one.type === 'Property' && keyOf(one.key as Expression) === name)
  return found?.type === 'Property' ? found.value : undefined
}

function keysOf(node: AnyNode | undefined): string[] {
  if (node?.type !== 'ObjectExpression') return []
  return node.properties.flatMap((one) => (one.type === 'Property' ? (keyOf(one.key as Expression) ?? []) : []))
}

function keyOf(node: AnyNode): string | undefined {
  return nameOf(node) ?? literal(node)
}

function exportsOf(tree: Program): Set<string> {
  const names = new Set<string>()
  for (const node of tree.body) {
    if (node.type === 'ExportDefaultDeclaration') names.add('default')
    if (node.type !== 'ExportNamedDeclaration') continue
    for (const { exported } of node.specifiers)
      names.add(exported.type === 'Identifier' ? exported.name : String(exported.value))
    const made = node.declaration
    if (made?.type === 'VariableDeclaration')
      for (const { id } of made.declarations) if (id.type === 'Identifier') names.add(id.name)
    if (made && made.type !== 'VariableDeclaration') names.add(made.id.name)
  }
  return names
}
