// test/packages/src/yaml.ts: documents read, changed with their comments kept, and written.
import { parse, parseAllDocuments, parseDocument, stringify, YAMLParseError } from 'yaml'
import { pluginOf } from './work.ts'

const TEXT = `# of the house
base: &base { retries: 3, tags: [a, b] }
job:
  <<: *base
  text: |
    two
    lines
  folded: >-
    one
    line
  when: 2026-03-29T01:30:00Z
`

export function work(): unknown[] {
  const document = parseDocument(TEXT)
  document.setIn(['job', 'name'], 'nightly')
  return [
    parse(TEXT, { merge: true }),
    String(document),
    parseAllDocuments('a: 1\n---\n- é\n').map((each) => each.toJS()),
    stringify({ list: [1, 'yes', null, 'multi\nline'], nested: { empty: {}, 'odd: key': true } }),
    failure(() => parse('a: [1, 2')),
  ]
}

function failure(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error instanceof YAMLParseError && [error.code, error.linePos?.[0]]
  }
}

export default pluginOf(work)
