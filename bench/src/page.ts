// bench/src/page.ts: the page as its own script uses it: a login, its routes, its stream of a session.

export interface Page {
  /** @returns The JSON of the answer. @throws if it is a refusal */
  post<T>(path: string, body: object): Promise<T>
  get<T>(path: string): Promise<T>
  /** What is said in a session from now on, and before. */
  watch(session: string): Promise<Stream>
}

export interface Stream extends AsyncDisposable {
  /** When the next message of this role came, by `performance.now()`. */
  next(role: 'user' | 'assistant'): Promise<number>
}

/** @param link As `pryx up` prints it; it opens the page once. */
export async function enter(url: string, link: string): Promise<Page> {
  const entered = await fetch(link, { redirect: 'manual' })
  const cookie = entered.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ')
  const headers = { cookie, origin: url, 'content-type': 'application/json' }
  return {
    post: (path, body) => ask(path, { method: 'POST', headers, body: JSON.stringify(body) }),
    get: (path) => ask(path, { headers }),
    watch: async (session) =>
      openStream(await fetch(`${url}/api/events?session=${session}&version=0`, { headers: { cookie } })),
  }

  async function ask<T>(path: string, init: RequestInit): Promise<T> {
    const response = await fetch(url + path, init)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
}

/** Server-sent events, as far as the page's stream uses them. */
function openStream(response: Response): Stream {
  if (!response.ok || response.body === null) throw new Error(`the stream answered with ${response.status}`)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  const waiting = new Map<string, (at: number) => void>()
  const done = read().catch(() => {})
  return {
    next: (role) => new Promise((resolve) => waiting.set(role, resolve)),
    async [Symbol.asyncDispose]() {
      await reader.cancel()
      await done
    },
  }

  async function read(): Promise<void> {
    let rest = ''
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      const at = performance.now()
      const frames = (rest + value).split('\n\n')
      rest = frames.pop() as string
      for (const frame of frames) heard(frame, at)
    }
  }

  function heard(frame: string, at: number): void {
    if (!frame.startsWith('event: entry')) return
    const { kind, body } = JSON.parse(frame.slice(frame.indexOf('data: ') + 6)) as {
      kind: string
      body: { role: string }
    }
    if (kind !== 'message') return
    waiting.get(body.role)?.(at)
    waiting.delete(body.role)
  }
}
