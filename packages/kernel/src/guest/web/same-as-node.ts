// packages/kernel/src/guest/web/same-as-node.ts: for tests: the same snippet in the isolate and in Node; the answers must agree.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleWeb, createTestRealm, type TestRealm } from './test-realm.ts'

// Every snippet may use these: `name(f)` is the name of what `f` throws, `list(x)` spreads, `read(stream)` gathers chunks.
const PRELUDE = `
const name = async (f) => { try { await f(); return 'fine' } catch (error) { return error?.name ?? String(error) } }
const list = (items) => Array.from(items)
const read = async (stream) => { const chunks = []; for await (const chunk of stream) chunks.push(chunk); return chunks }
const utf8 = (text) => new TextEncoder().encode(text)
`

const AsyncFunction = (async () => {}).constructor as new (code: string) => () => Promise<unknown>

/** A realm for the tests of one file. */
export function useRealm(): { readonly realm: TestRealm } {
  let realm: TestRealm
  beforeAll(async () => {
    realm = createTestRealm({ bundle: await bundleWeb() })
  })
  afterAll(() => realm.dispose())
  return {
    get realm() {
      return realm
    },
  }
}

/** One test per snippet: `[title, body of an async function that returns JSON]`. */
export function sameAsNode(
  use: { readonly realm: TestRealm },
  cases: readonly (readonly [title: string, code: string])[],
): void {
  for (const [title, code] of cases) {
    test(title, async () => {
      const snippet = PRELUDE + code

      const expected: unknown = JSON.parse(JSON.stringify(await new AsyncFunction(snippet)()) ?? 'null')

      expect(await use.realm.run(snippet)).toEqual(expected)
      expect(expected).not.toBeNull()
    })
  }
}
