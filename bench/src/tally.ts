// bench/src/tally.ts: a plugin of 20 KB of TypeScript that is edited while it counts; and what it answers.
import { defineService } from '@pryx/kernel/contract'

const RULES = 82 // brings the source to 20 KB

/** `next`: the event it expects; numbers it skipped are lost, numbers below it came twice. */
export interface Counted {
  next: number
  lost: number
  doubled: number
}

export interface Tally {
  report(): Promise<Counted & { edition: number }>
}
export const Tally = defineService<Tally>('tally', '1.0.0')

export const tallyManifest = {
  name: 'pryx-plugin-tally',
  version: '1.0.0',
  private: true,
  type: 'module',
  pryx: {
    engine: '^1.0.0',
    entry: 'dist/plugin.js',
    provides: { tally: '1.0.0' },
    events: { listens: ['load.*'], emits: [] },
  },
}

/** The source as it reads after edit number `edition`. */
export function tallySource(edition: number): string {
  const rules = Array.from({ length: RULES }, (_, n) => ruleSource(n))
  return `${head(edition)}\n${rules.join('\n')}\nconst rules = [${rules.map((_, n) => `rule${n}`).join(', ')}]\n`
}

function head(edition: number): string {
  return `import { definePlugin, defineService, z } from '@pryx/sdk'

const EDITION = ${edition}
const counted = z.object({ next: z.number(), lost: z.number(), doubled: z.number() })
const Tally = defineService<{ report(): Promise<unknown> }>('tally', '1.0.0')

interface Fact { name: string; n: number; words: readonly string[] }
interface Verdict { rule: string; weight: number; reason: string }

export default definePlugin({
  activate(ctx) {
    const count = counted.parse(ctx.previous ?? { next: 0, lost: 0, doubled: 0 })
    let verdicts = 0
    ctx.events.on('load.came', (payload) => {
      const { n } = payload as { n: number }
      if (n < count.next) count.doubled++
      else {
        count.lost += n - count.next
        count.next = n + 1
      }
      verdicts += rules.filter((rule) => rule({ name: 'load', n, words: ['a', 'b'] })).length
    }, { capacity: 1_000 })
    ctx.provide(Tally, { report: async () => ({ ...count, verdicts, edition: EDITION }) })
    return { handOver: () => count }
  },
})
`
}

function ruleSource(n: number): string {
  return `function rule${n}(fact: Fact): Verdict | undefined {
  if (fact.n % ${n + 2} !== 0 || fact.words.length < ${n % 5}) return undefined
  return { rule: 'rule-${n}', weight: ${n}, reason: \`\${fact.name} divides by ${n + 2} and has \${fact.words.length} words\` }
}
`
}
