// plugins/web/page/chat/colours.tsx: code in colours. A grammar makes a tree of it, and the tree becomes elements: no HTML on the way. A part of
// the page that is loaded when the first code is shown.
import bash from 'highlight.js/lib/languages/bash'
import css from 'highlight.js/lib/languages/css'
import diff from 'highlight.js/lib/languages/diff'
import go from 'highlight.js/lib/languages/go'
import java from 'highlight.js/lib/languages/java'
import json from 'highlight.js/lib/languages/json'
import markdown from 'highlight.js/lib/languages/markdown'
import python from 'highlight.js/lib/languages/python'
import rust from 'highlight.js/lib/languages/rust'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'
import { createLowlight } from 'lowlight'
import type { ReactNode } from 'react'

const MAX_CHARS = 20_000 // longer code is shown plain: a grammar takes its time
const LANGUAGES = { bash, css, diff, go, java, json, markdown, python, rust, sql, typescript, xml, yaml }
const grammars = createLowlight(LANGUAGES)
grammars.registerAlias({ typescript: ['js', 'javascript', 'jsx', 'mjs'], json: ['jsonc'], bash: ['console', 'shell'] })

type Tree = ReturnType<typeof grammars.highlight>['children'][number]

export default function Coloured({ language, text }: { language: string; text: string }) {
  return text.length <= MAX_CHARS && grammars.registered(language)
    ? elements(grammars.highlight(language, text).children)
    : text
}

function elements(nodes: readonly Tree[]): ReactNode[] {
  return nodes.map((node, index) => {
    if (node.type === 'text') return node.value
    if (node.type !== 'element') return null
    const { className } = node.properties
    return (
      <span key={index} className={Array.isArray(className) ? className.join(' ') : undefined}>
        {elements(node.children)}
      </span>
    )
  })
}
