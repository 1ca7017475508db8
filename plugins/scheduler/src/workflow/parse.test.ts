// biome-ignore-all lint/suspicious/noThenProperty: a workflow’s word, never awaited
import { readFileSync } from 'node:fs'
import type { PryxError } from '@pryx/sdk'
import { expect, test } from 'vitest'
import { parseFlow } from './parse.ts'

const tell = (id: string, more: object = {}) => ({ id, do: { kind: 'notify', text: id }, ...more })

test('S10: YAML and objects are the same workflow', () => {
  const yaml =
    'steps:\n  - id: one\n    set: 1\n  - id: two\n    needs: [one]\n    do: { kind: tool, name: notes.save, input: { n: "${steps.one.output}" } }\n'

  expect(parseFlow(yaml)).toEqual(
    parseFlow({
      steps: [
        { id: 'one', set: 1 },
        { id: 'two', needs: ['one'], do: { kind: 'tool', name: 'notes.save', input: { n: '${steps.one.output}' } } },
      ],
    }),
  )
})

test.each([
  ['a cycle', { steps: [tell('a', { needs: ['b'] }), tell('b', { needs: ['a'] })] }, 'steps[0].needs', 'a → b → a'],
  ['a step that needs itself', { steps: [tell('a', { needs: ['a'] })] }, 'steps[0].needs', 'a → a'],
  [
    'a cycle deep inside',
    { steps: [{ id: 'x', if: 'true', then: [tell('a', { needs: ['b'] }), tell('b', { needs: ['a'] })] }] },
    'steps[0].then[0].needs',
    'a → b → a',
  ],
  ['an unknown need', { steps: [tell('a', { needs: ['z'] })] }, 'steps[0].needs', '“z”'],
  ['two steps of one name', { steps: [tell('a'), tell('a')] }, 'steps[1].id', '“a”'],
  ['an output that is not there', { steps: [{ id: 'a', set: '${steps.z.output}' }] }, 'steps[0].set', '“z”'],
  [
    'an output that comes later',
    { steps: [{ id: 'a', set: '${steps.b.output}' }, tell('b')] },
    'steps[0].set',
    'not ended by then',
  ],
  [
    'an output of a step beside it',
    { steps: [tell('a', { needs: [] }), { id: 'b', needs: [], set: '${steps.a.output}' }] },
    'steps[1].set',
    'not ended by then',
  ],
  [
    'an output of a step within another',
    {
      steps: [
        { id: 'x', if: 'true', then: [tell('a')] },
        { id: 'b', set: '${steps.a.output}' },
      ],
    },
    'steps[1].set',
    '“a”',
  ],
  ['an unknown name', { steps: [{ id: 'a', set: '${inptu.n}' }] }, 'steps[0].set', '“inptu”'],
  [
    'an item outside its loop',
    {
      steps: [
        { id: 'a', forEach: '[1]', steps: [tell('b')] },
        { id: 'c', set: '${item}' },
      ],
    },
    'steps[1].set',
    '“item”',
  ],
  ['an expression that cannot be read', { steps: [{ id: 'a', if: '1 +', then: [tell('b')] }] }, 'steps[0].if', '1 +'],
  [
    'a regular expression',
    { steps: [tell('a', { when: '"a".matches("(a+)+")' })] },
    'steps[0].when',
    'regular expressions',
  ],
  ['a missing sub-workflow', { steps: [{ id: 'a', call: 'other' }] }, 'steps[0].call', '“other”'],
  [
    'sub-workflows in a circle',
    {
      steps: [{ id: 's', call: 'a' }],
      flows: { a: { steps: [{ id: 'b', call: 'b' }] }, b: { steps: [{ id: 'a', call: 'a' }] } },
    },
    'flows.a',
    'a → b → a',
  ],
  ['an unknown kind of step', { steps: [{ id: 'a', dance: true }] }, 'steps[0]', 'one of do, wait'],
  ['a wrong field', { steps: [{ id: 'a', do: { kind: 'http', url: 7 } }] }, 'steps[0].do.url', ''],
  [
    'more branches than there are',
    { steps: [{ id: 'a', parallel: { x: [tell('b')] }, join: 2 }] },
    'steps[0].join',
    '2 of 1',
  ],
  ['text that is no YAML', 'steps: [', 'line 1', ''],
])('S10: %s is refused when it is saved, with its place', (_name, flow, place, reason) => {
  const error = refusal(flow)

  expect(error.code).toBe('TASK_FLOW')
  expect(error.message).toContain(place)
  expect(error.message).toContain(reason)
})

test('S10: a YAML bomb is refused, not unfolded', () => {
  const levels = Array.from({ length: 30 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(', ')}]`)

  expect(refusal(`l0: &l0 [x]\n${levels.join('\n')}\nsteps: *l30`).code).toBe('TASK_FLOW')
})

function refusal(flow: unknown): PryxError {
  try {
    parseFlow(flow)
  } catch (error) {
    return error as PryxError
  }
  throw new Error('it was taken')
}

test('S10: every workflow in the guide can be saved as it stands', () => {
  const guide = readFileSync(new URL('../../../../docs/guides/workflows.md', import.meta.url), 'utf8')
  const flows = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text)

  expect(flows.length).toBeGreaterThan(1)
  for (const text of flows) expect(() => parseFlow(text)).not.toThrow()
})
