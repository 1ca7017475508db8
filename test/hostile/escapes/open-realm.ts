// test/hostile/escapes/open-realm.ts: the corpus against a realm that is open: a node:vm context handed the host's own objects, as one
//   should not. Run as a program: it prints, as JSON, the titles of the attempts that got out. Nothing here is safe; it ends at once.
import vm from 'node:vm'
import { type Attempt, PRELUDE } from './attempt.ts'
import { families } from './families.ts'
import { GETS_OUT } from './gets-out.ts'

const PATIENCE_MS = 2_000
const attempts = families.flatMap(([, list]) => list).filter(({ title }) => GETS_OUT.includes(title))
const out: Record<string, string[]> = {}
process.on('uncaughtException', () => {})
process.on('unhandledRejection', () => {})
for (const attempt of attempts) out[attempt.title] = await tryOut(attempt)
process.stdout.write(`${JSON.stringify(out)}\n`, () => process.exit())

async function tryOut({ first = '', code }: Attempt): Promise<string[]> {
  const lab = {
    act: async (...args: unknown[]) => args.slice(1),
    lend: async (_: unknown, fn: () => unknown) => fn(),
    read: async () => [],
  }
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const ctx = {
    log,
    signal: new AbortController().signal,
    tools: {},
    events: { on() {} },
    use: async () => lab,
    emit: async () => {},
    provide() {},
    effect() {},
  }
  const world = vm.createContext({
    setTimeout,
    setInterval,
    clearTimeout,
    console,
    URL,
    crypto,
    EventTarget,
    Event,
    AbortController,
    fetch,
    Response,
    Blob,
    ReadableStream,
    Headers,
    Request,
    structuredClone,
    TextEncoder,
    MessageChannel,
    addEventListener() {},
  })
  try {
    const script = `${PRELUDE}\n${first}\n;[reached, settleAll, async (ctx) => {\n${code}\n}]`
    const [reached, settleAll, attack] = vm.runInContext(
      `(() => {${script.replace('\n;[', '\nreturn [')}})()`,
      world,
    ) as [string[], () => Promise<unknown>, (ctx: unknown) => Promise<unknown>]
    const late = new Promise((done) => setTimeout(done, PATIENCE_MS))
    await Promise.race([attack(ctx).then(settleAll, () => {}), late])
    return [...reached]
  } catch {
    return []
  }
}
