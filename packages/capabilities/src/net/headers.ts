// packages/capabilities/src/net/headers.ts: which headers of a guest leave the machine, and what a redirect keeps of a request.
//   H1  What frames a message or routes it is ours: those headers are left out, as a browser does.
//   H2  Across origins nothing that looks like a credential goes along: not only `authorization`, as the fetch standard asks.
export type HeaderList = [string, string][]

const OURS = new Set('connection expect host keep-alive te trailer transfer-encoding upgrade http2-settings'.split(' '))
const CREDENTIAL =
  /^(authorization|cookie|.*(token|secret|credential|session|password|signature|api-?key).*|x-.*auth.*|.*-key)$/
const OF_A_BODY = /^(content-.*)$/

/** The headers that may be sent. A length is kept only for a stream, whose length we cannot know. */
export function requestHeaders(headers: HeaderList, body: 'stream' | 'bytes' | 'none'): HeaderList {
  const kept = headers.filter(([name]) => mayBeSent(name.toLowerCase(), body))
  const has = (name: string) => kept.some(([each]) => each.toLowerCase() === name)
  if (!has('accept')) kept.push(['accept', '*/*'])
  if (!has('accept-encoding')) kept.push(['accept-encoding', 'gzip, deflate, br'])
  if (!has('user-agent')) kept.push(['user-agent', 'pryx'])
  return kept
}

export function withoutCredentials(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => !CREDENTIAL.test(name.toLowerCase())) // H2
}

export function withoutBodyHeaders(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => !OF_A_BODY.test(name.toLowerCase()))
}

/** undici's pairs, one after the other, as a list; only text crosses the wall. */
export function responseHeaders(headers: Record<string, string | string[] | undefined>): HeaderList {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : value === undefined ? [] : [value]).map((each): [string, string] => [name, each]),
  )
}

function mayBeSent(name: string, body: 'stream' | 'bytes' | 'none'): boolean {
  if (OURS.has(name) || name.startsWith('proxy-') || name.startsWith('sec-')) return false // H1
  return name !== 'content-length' || body === 'stream'
}
