import { expect, test } from 'vitest'
import { outlineOf } from './outline.ts'
import { parseFlow } from './parse.ts'

const set = (id: string, rest: object = {}) => ({ id, set: id, ...rest })

function edgesOf(flow: object): string[] {
  return outlineOf(parseFlow(flow)).flatMap(({ path, after }) =>
    after.length === 0
      ? [`• → ${path}`]
      : after.map((edge) => `${edge.path} ${edge.way ? `${edge.way} ` : ''}→ ${path}`),
  )
}

test('S10: steps that wait for none begin, and who needs two comes after both, wherever they stand', () => {
  const flow = {
    steps: [set('join', { needs: ['a', 'b'] }), set('a', { needs: [] }), set('b', { needs: [] }), set('end')],
  }

  expect(edgesOf(flow)).toEqual(['• → a', '• → b', 'a → join', 'b → join', 'b → end'])
})

test('S10: what follows a choice, a loop or branches comes after the last step of every way through it', () => {
  const flow = {
    steps: [
      // biome-ignore lint/suspicious/noThenProperty: it is a list, see flow.ts
      { id: 'ask', if: 'true', then: [set('yes')] },
      { id: 'loop', forEach: '[1]', steps: [set('one'), set('two')] },
      { id: 'fork', parallel: { left: [set('l')], right: [set('r')] } },
      set('end'),
    ],
  }

  expect(edgesOf(flow)).toEqual([
    '• → ask',
    'ask then → ask/then/yes',
    'ask/then/yes → loop',
    'ask else → loop',
    'loop each → loop[]/one',
    'loop[]/one → loop[]/two',
    'loop[]/two → fork',
    'fork left → fork/left/l',
    'fork right → fork/right/r',
    'fork/left/l → end',
    'fork/right/r → end',
  ])
})
