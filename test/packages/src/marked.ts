// test/packages/src/marked.ts: Markdown to HTML, with a renderer of its own.
import { Marked } from 'marked'
import { pluginOf } from './work.ts'

const TEXT = `# Title *em*

| a | b |
|---|--:|
| 1 | 2 |

- [x] done
- [ ] open
  1. deep

\`\`\`ts
const a = 1 < 2
\`\`\`

> quote with **bold** and ~~struck~~ <https://example.com> [link](https://a.b "t") ![img](x.png)
`

export async function work(): Promise<unknown[]> {
  const own = new Marked({
    gfm: true,
    renderer: { link: ({ href, text }) => `<a rel="noopener" href="${href}">${text}</a>` },
  })
  return [
    await new Marked().parse(TEXT),
    await own.parse(TEXT, { async: true }),
    new Marked().lexer(TEXT).map(({ type }) => type),
  ]
}

export default pluginOf(work)
