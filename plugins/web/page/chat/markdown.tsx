// plugins/web/page/chat/markdown.tsx: text of agents and people as React elements.
//   D1  Nothing of it becomes live: HTML in it is text, links go only to the web and to mail, images are named and never fetched.
import { ActionIcon, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { type ComponentProps, lazy, memo, type ReactNode, Suspense, useRef, useState } from 'react'
import ReactMarkdown, { type Components } from 'react-markdown'
import remarkGfm from 'remark-gfm'
import { blocksOf } from './blocks.ts'

const SAFE = /^(https?|mailto):/i
const PLUGINS = [remarkGfm]
const Coloured = lazy(() => import('./colours.tsx').catch(() => ({ default: ({ text }: { text: string }) => text })))

const components: Components = {
  a: ({ href, children }) => <SafeLink href={href}>{children}</SafeLink>,
  img: ({ src, alt }) => <SafeLink href={typeof src === 'string' ? src : undefined}>Image: {alt || src}</SafeLink>,
  pre: ({ children }) => <Code coloured>{children}</Code>,
  table: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section className="wide" tabIndex={0} aria-label="Table">
      <table>{children}</table>
    </section>
  ),
  input: ({ checked }) => (
    <span role="img" aria-label={checked ? 'done' : 'to do'}>
      {checked ? '☑' : '☐'}
    </span>
  ),
}

/** Code that still grows has no colours: they would come and go. */
const growing: Components = { ...components, pre: ({ children }) => <Code>{children}</Code> }

/** A whole text. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="prose">
      <Block text={text} />
    </div>
  )
})

/** A text that grows: only its last part is read anew. */
export function GrowingMarkdown({ text }: { text: string }) {
  return (
    <div className="prose growing">
      {blocksOf(text).map((block, index) => (
        <Block key={index} text={block} grows />
      ))}
    </div>
  )
}

const Block = memo(function Block({ text, grows }: { text: string; grows?: boolean }) {
  return (
    <ReactMarkdown remarkPlugins={PLUGINS} components={grows ? growing : components} urlTransform={onlySafe}>
      {text}
    </ReactMarkdown>
  )
})

/** D1 */
function onlySafe(url: string): string {
  return SAFE.test(url) ? url : ''
}

function SafeLink({ href, children }: { href: string | undefined; children: ReactNode }) {
  if (href === undefined || !SAFE.test(href)) return <span className="no-link">{children}</span>
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  )
}

function Code({ children, coloured }: { children: ReactNode; coloured?: boolean }) {
  const box = useRef<HTMLPreElement>(null)
  const { className = '', children: text } = propsOf(children)
  const language = /language-([\w+#.-]{1,24})/.exec(className)?.[1]
  return (
    <figure className="code">
      <figcaption>
        <span>{language ?? 'text'}</span>
        <Copy text={() => box.current?.textContent ?? ''} what="code" />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <pre ref={box} tabIndex={0}>
        {coloured && language !== undefined && typeof text === 'string' ? (
          <code>
            <Suspense fallback={text}>
              <Coloured language={language.toLowerCase()} text={text} />
            </Suspense>
          </code>
        ) : (
          children
        )}
      </pre>
    </figure>
  )
}

function propsOf(node: ReactNode): ComponentProps<'code'> {
  return typeof node === 'object' && node !== null && 'props' in node ? (node.props as ComponentProps<'code'>) : {}
}

export function Copy({ text, what }: { text: () => string; what: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text()).catch(() => undefined)
    setCopied(true)
    setTimeout(() => setCopied(false), 1_500)
  }
  return (
    <Tooltip label={copied ? 'Copied' : `Copy ${what}`}>
      <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`Copy ${what}`} onClick={copy}>
        {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
      </ActionIcon>
    </Tooltip>
  )
}
