// plugins/telegram/src/text/html-testing.ts: reads HTML as Telegram does, for tests: what a reader sees of it.
/** Reads HTML as strictly as Telegram does; throws where it would refuse. */
export function seenOf(html: string): string {
  const open: string[] = []
  let text = ''
  for (const [token] of html.matchAll(/<[^>]*>|&[a-z]+;|[^<&]+|[<&]/g)) {
    const tag = /^<(\/?)([a-z]+)((?: [a-z]+="[^"<>]*")?)>$/.exec(token)
    if (tag) {
      if (!['b', 'i', 's', 'code', 'pre', 'blockquote', 'a'].includes(tag[2]!)) throw new Error(`tag ${token}`)
      if (tag[1] === '') {
        if (open.includes(tag[2]!)) throw new Error(`${token} in itself`)
        open.push(tag[2]!)
      } else if (open.pop() !== tag[2]) throw new Error(`${token} closes nothing`)
    } else if (token.startsWith('&')) {
      const known = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"' }[token]
      if (known === undefined) throw new Error(`entity ${token}`)
      text += known
    } else if (token === '<') throw new Error('a bare <')
    else text += token
  }
  if (open.length > 0) throw new Error(`open at the end: ${open.join()}`)
  return text
}
