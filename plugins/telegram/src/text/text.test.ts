import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seenOf } from './html-testing.ts'
import { MAX_TEXT, partsOf } from './parts.ts'
import { render } from './render.ts'
import { split, textOf } from './split.ts'

/** Text in the manner of Markdown, with what makes splitting hard. */
const piece = fc.oneof(
  fc.lorem({ maxCount: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(
    '\n',
    '\n\n',
    '```\n',
    '```ts\n',
    '~~~\n',
    '````\n',
    '  ```\n',
    '**',
    '_',
    '`',
    '> ',
    '- ',
    '1. ',
    '| a | b |\n|-|-|\n',
  ),
  fc.constantFrom(
    '<b>',
    '</b>',
    '&amp;',
    '[x](javascript:alert(1))',
    '[y](https://example.com/?a=1&b="2")',
    '😀',
    '# ',
  ),
  fc.integer({ min: 1, max: 400 }).map((n) => 'x'.repeat(n)),
)
const markdown = fc.array(piece, { maxLength: 120 }).map((pieces) => pieces.join(''))

describe('split', () => {
  test('L5: the bodies of all parts are the text, no part is too long or ends in half a character', () => {
    fc.assert(
      fc.property(markdown, fc.integer({ min: 64, max: 600 }), (text, max) => {
        const parts = split(text, max)

        expect(parts.map(({ body }) => body).join('')).toBe(text)
        for (const part of parts) {
          expect(part.body).not.toBe('')
          expect(textOf(part).length).toBeLessThanOrEqual(max)
          expect(/[\ud800-\udbff]$/.test(part.body)).toBe(false)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('L5: every part but the last has its fences closed', () => {
    fc.assert(
      fc.property(markdown, fc.integer({ min: 64, max: 600 }), (text, max) => {
        for (const part of split(text, max).slice(0, -1)) expect(isFenceOpen(textOf(part))).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  test('L5: it breaks at paragraphs first, then lines, sentences and spaces', () => {
    const words = 'word '.repeat(12).trim()

    expect(bodies(`${words}.\n\n${words}\n${words}`, 100)[0]).toBe(`${words}.\n\n`)
    expect(bodies(`${words}\n${words}. ${words}`, 100)[0]).toBe(`${words}\n`)
    expect(bodies(`${words}. ${words} ${words}`, 100)[0]).toBe(`${words}. `)
    expect(bodies(`${'word '.repeat(40)}`, 100)[0]).toBe('word '.repeat(20))
    expect(bodies('x'.repeat(150), 100)[0]).toBe('x'.repeat(100))
  })

  test('L5: a fence that fits goes whole into the next part', () => {
    const fence = `\`\`\`ts\n${'const a = 1\n'.repeat(5)}\`\`\``
    const parts = split(`${'word '.repeat(10)}\n\n${fence}\n\nafter`, 100)

    expect(parts.map(({ body }) => body)).toContainEqual(expect.stringContaining(fence))
    expect(parts.every(({ head }) => head === '')).toBe(true)
  })

  test('L5: a fence longer than a part is closed, and opened again with its language', () => {
    const parts = split(`\`\`\`ts\n${'const a = 1\n'.repeat(30)}\`\`\`\n`, 128)

    expect(parts.length).toBeGreaterThan(2)
    expect(parts[0]!.tail).toBe('```')
    expect(parts[1]!.head).toBe('```ts\n')
    expect(parts.slice(0, -1).every(({ body }) => body.endsWith('\n'))).toBe(true)
  })

  test('L5: 131,072 characters of any kind take a moment', () => {
    for (const unit of ['a ', '```\n', '`', '\n', '> ', '```a\nb\n'])
      expect(split(unit.repeat(131_072 / unit.length), 3_600).length).toBeGreaterThan(30)
  })
})

describe('render', () => {
  test('B4: Markdown becomes the tags Telegram knows', () => {
    const { html, text } = render(
      '# Title\n\nA **bold *both*** and `a < b` [link](https://example.com/?a=1&b=2) ~~gone~~\n\n- one\n- two\n   1. deep\n\n> said\n\n```ts\nif (a && b) {}\n```',
    )

    expect(html).toBe(
      [
        '<b>Title</b>',
        'A <b>bold <i>both</i></b> and <code>a &lt; b</code> <a href="https://example.com/?a=1&amp;b=2">link</a> <s>gone</s>',
        '• one\n• two\n   1. deep',
        '<blockquote>said</blockquote>',
        '<pre><code class="language-ts">if (a &amp;&amp; b) {}</code></pre>',
      ].join('\n\n'),
    )
    expect(text).toContain('A bold both and a < b link gone')
  })

  test('B4: a link that is no link of the web, and HTML, are text', () => {
    expect(render('[x](javascript:alert(1)) <script>alert(1)</script>').html).toBe(
      'x (javascript:alert(1)) &lt;script&gt;alert(1)&lt;/script&gt;',
    )
  })

  test('B4: whatever the text, tags are balanced and known, and every message fits', () => {
    fc.assert(
      fc.property(markdown, (text) => {
        for (const { html, text: shown } of partsOf(text)) {
          expect(shown.length).toBeLessThanOrEqual(MAX_TEXT)
          expect(shown.trim()).not.toBe('')
          expect(seenOf(html).trim()).toBe(shown.trim())
        }
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['quotes', '> '],
    ['lists', '- '],
    ['emphasis', '*'],
    ['brackets', '['],
    ['links', '[a](b '],
    ['images', '![a]('],
    ['tags', '<a '],
    ['backticks', '` '],
    ['tables', '|a'],
  ])('B4: thousands of nested %s are an answer, not a stall', (_name, unit) => {
    const parts = partsOf(`${unit.repeat(4_000 / unit.length)}\n${unit.repeat(10)}`)

    expect(parts.length).toBeGreaterThan(0)
    for (const { html, text } of parts) expect(seenOf(html).trim()).toBe(text.trim())
  })

  test('B4: nothing is lost on the way: the words of the text are the words of the messages', () => {
    fc.assert(
      fc.property(fc.lorem({ maxCount: 2_000 }), (text) => {
        expect(
          partsOf(text)
            .map(({ text: shown }) => shown)
            .join(' ')
            .split(/\s+/),
        ).toEqual(text.trim().split(/\s+/))
      }),
      { numRuns: 20 },
    )
  })
})

function bodies(text: string, max: number): string[] {
  return split(text, max).map(({ body }) => body)
}

function isFenceOpen(text: string): boolean {
  let mark: string | undefined
  for (const line of text.split('\n')) {
    const match = /^[ \t]*(`{3,16}(?!`)|~{3,16}(?!~))(.*)$/.exec(line)
    if (match === null) continue
    if (mark === undefined) mark = match[1]![0] === '`' && match[2]!.includes('`') ? undefined : match[1]
    else if (match[1]![0] === mark[0] && match[1]!.length >= mark.length && match[2]!.trim() === '') mark = undefined
  }
  return mark !== undefined
}
