import { nodeCapabilities, type Secrets } from '@pryx/capabilities'
import { parseManifest } from '@pryx/kernel/contract'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findFaults } from './lint.ts'
import { schemaTokens } from './schema-cost.ts'
import { findUse } from './use.ts'

const capabilities = Object.values(nodeCapabilities({ secrets: {} as Secrets }))
const TOKENS = `
  var Storage = defineService("storage", "1.0.0"), Fs = defineService("fs", "1.0.0", {}), Net = defineService("net", "1.0.0")
  var Secrets = defineService("secrets", "1.0.0"), Notes = defineService("notes", "1.0.0")
  var noteEvents = defineEvents("note", { saved: {}, removed: {} })
  var Before = defineHook("before:tool.call", {})`

/** Codes and messages of what lint finds in `activate`'s body. */
function faults(body: string, pryx: object = {}, extra = ''): string[] {
  const manifest = parseManifest(
    { name: 'pryx-plugin-x', version: '1.0.0', pryx: { engine: '^1.0.0', entry: 'dist/plugin.js', ...pryx } },
    'package.json',
  )
  const code = `${TOKENS}\nvar plugin_default = { async activate(ctx) { ${body} } }\n${extra}\nexport { plugin_default as default }`
  return findFaults({
    manifest,
    use: findUse(code),
    capabilities,
    bytes: code.length,
    tokens: new Map(manifest.tools.map((tool) => [tool.name, schemaTokens(tool)])),
    package: { description: 'x', license: 'MIT', files: ['dist'] },
    folder: new Set(['README.md']),
  }).map(({ code, message }) => `${code}: ${message}`)
}

test('K9: a manifest that says what the code does is clean', () => {
  const body = `const s = await ctx.use(Storage); await ctx.emit(noteEvents.saved, {}); ctx.provide(Notes, {});
    ctx.events.on("task.*", () => {}); ctx.hooks.on(Before, () => {}); await fetch(\`https://api.example.com/v1/\${s}\`)`

  const found = faults(body, {
    permissions: ['storage', 'net:*.example.com'].slice(0, 1).concat('net:api.example.com'),
    provides: { notes: '1.0.0' },
    events: { emits: ['note.saved'], listens: ['task.*'] },
    hooks: ['before:tool.call'],
  })

  expect(found).toEqual([])
})

test.each([
  ['await ctx.use(Storage)', 'PERMISSION_MISSING: the code uses storage'],
  ['await fetch("https://api.example.com/now")', 'PERMISSION_MISSING: the code asks api.example.com'],
  ['await fetch("http://localhost:8080/now")', 'PERMISSION_MISSING: the code asks localhost:8080'],
  [
    'const net = await ctx.use(Net); await net.fetch(BASE + "/now")',
    'PERMISSION_MISSING: the code asks base.example.com',
  ],
  ['await ctx.use(Notes)', 'SERVICE_UNDECLARED: the code uses the service notes'],
  ['ctx.provide(Notes, {})', 'SERVICE_UNDECLARED: the code provides the service notes'],
  ['ctx.emit(noteEvents.saved, {})', 'EVENT_UNDECLARED: the code emits note.saved'],
  ['ctx.events.on(noteEvents.removed, () => {})', 'EVENT_UNDECLARED: the code listens to note.removed'],
  ['ctx.events.on("task.due", () => {})', 'EVENT_UNDECLARED: the code listens to task.due'],
  ['ctx.hooks.on(Before, () => {})', 'HOOK_UNDECLARED: the code listens to the hook before:tool.call'],
  ['ctx.tools.provide({ name: "a.b", run() {} })', 'TOOL_UNDECLARED: the code provides the tool a.b'],
])('K9: what the code needs and the manifest leaves out is an error: %s', (body, expected) => {
  expect(faults(body, {}, 'var BASE = "https://base.example.com"').join('\n')).toContain(expected)
})

test.each([
  [
    'ctx.use(Fs)',
    { permissions: ['fs:read:${workspace}/**', 'storage'] },
    'PERMISSION_UNUSED: pryx.permissions asks for storage',
  ],
  [
    'const fs = await ctx.use(Fs); await fs.readText("a")',
    { permissions: ['fs:read:${workspace}/**', 'fs:write:${workspace}/**'] },
    'PERMISSION_UNUSED: fs:write: is asked for',
  ],
  ['fetch("https://a.example.com/")', { permissions: ['net:any'] }, 'PERMISSION_WIDE: net:any'],
  [
    'fetch("https://a.example.com/")',
    { permissions: ['net:a.example.com', 'net:b.example.com'] },
    'PERMISSION_UNUSED: net:b.example.com',
  ],
  ['', { requires: { notes: '^1.0.0' } }, 'SERVICE_UNUSED: the manifest names the service notes'],
  ['ctx.use(Notes)', { optional: { notes: '^1.0.0' } }, 'SERVICE_OPTIONAL: notes is optional'],
  ['', { events: { emits: ['note.*'] } }, 'EVENT_UNUSED: pryx.events.emits has note.*'],
])('K9: more than the code needs is a warning: %s %j', (body, pryx, expected) => {
  expect(faults(body, pryx).join('\n')).toContain(expected)
})

test('K9: a function of the plugin’s own that is called fetch asks nobody; of a parameter only what is spelled out counts', () => {
  const local = 'function fetch(from) { return from } fetch("https://example.com/")'
  const given = 'const ask = async (fetch) => { await fetch("https://example.com/") }; ask(globalThis.fetch)'

  const mirror = 'const ask = ({ fetch }) => fetch(from)'

  expect(faults(local)).toEqual([])
  expect(faults(mirror)).toEqual([])
  expect(faults(given)).toEqual(['PERMISSION_MISSING: the code asks example.com, which pryx.permissions does not name'])
})

test('K9: an event that starts the plugin is of use without being listened to', () => {
  const listens = { events: { listens: ['host.up', 'host.down'] }, activation: ['event:host.up'] }

  expect(faults('', listens)).toEqual([
    'EVENT_UNUSED: pryx.events.listens has host.down, and the code listens to no such event',
  ])
})

test('K9: no warning rests on what cannot be read', () => {
  const body =
    'ctx.use(tokenOf(x)); ctx.emit(eventOf(x), {}); ctx.events.on(x, () => {}); fetch(x); ctx.provide(x, {}); ctx.tools.provide(x)'

  const found = faults(body, {
    permissions: ['storage', 'net:any', 'secrets:*'],
    requires: { notes: '^1.0.0' },
    provides: { notes: '1.0.0' },
    events: { emits: ['note.*'], listens: ['task.*'] },
    tools: [{ name: 'a.b', description: 'Does something useful' }],
  })

  expect(found).toEqual([])
})

test('K9: a secret or a host in part is judged by the grammar of its capability', () => {
  const body = 'const secrets = await ctx.use(Secrets); await secrets.get("telegram.token"); await secrets.get("other")'

  expect(faults(body, { permissions: ['secrets:telegram.*'] })).toEqual([
    'PERMISSION_MISSING: the code asks secrets for other, which pryx.permissions does not name',
  ])
})

test('K9: tools are judged as a model meets them', () => {
  const input = { type: 'object', properties: { q: { type: 'string' } } }
  const tools = [
    { name: 'a.b', description: 'Search', handler: 'nothing', input },
    {
      name: 'a.c',
      description: `Long ${'words '.repeat(160)}`,
      handler: 'search',
      input: { ...input, title: 'word '.repeat(400) },
    },
  ]

  const found = faults('', { tools }, 'export function search() {}').join('\n')

  expect(found).toContain('TOOL_HANDLER: the handler of a.b is "nothing"')
  expect(found).toContain('TOOL_DESCRIPTION: "Search" does not tell a model')
  expect(found).toContain('inputs without a description: q')
  expect(found).toMatch(/TOOL_COST: a\.c costs about \d{3,4} tokens/)
  expect(faults('', { tools: [{ name: 'a.d', description: 'Promised and not kept' }] }).join()).toContain(
    'TOOL_MISSING',
  )
})

test('K9: whatever a module says, reading it ends with an answer or a syntax error', () => {
  const word = fc.constantFrom(
    'ctx',
    '.use(',
    '.on(',
    ')',
    '`${',
    '}`',
    'x',
    'fetch(',
    '"https://a/"',
    'defineService(',
    '{',
    '}',
    'new Request(',
    ';',
    ',',
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 25 }), (words) => {
      try {
        expect(findUse(words.join(' ')).methods).toBeInstanceOf(Set)
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError)
      }
    }),
  )
})
