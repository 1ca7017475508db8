// packages/sdk/src/capabilities/http.ts: the token and face of http: web pages and webhooks, in web types. Needs `http:serve`.
import { defineService, type ServiceCaller } from '@pryx/kernel/contract'

/** Answers a request. `app.fetch` of hono and its like is one. `remote` is the address of the peer. */
export type HttpHandler = (request: Request, info: { remote: string }) => Response | Promise<Response>

/**
 * The host's web server, shared by all plugins: a path goes to the longest prefix. What is served ends with the instance.
 * `pryx up` lets only the user in, who has opened its link; a plugin never sees the session's cookie.
 *
 * Pages of other origins can neither read nor post; every answer carries a Content-Security-Policy of `default-src 'self'`, which a
 * plugin can tighten. A request body may have 1 MiB; an answer must begin within 30 s and may stream without end (event streams).
 *
 * @throws HTTP_PREFIX_TAKEN if another plugin serves the prefix; HTTP_PREFIX_INVALID; HTTP_FOLDER.
 */
export interface Http {
  /**
   * Answers everything under `prefix` (`/`, `/weather`). The request's URL keeps the prefix.
   *
   * @param options.open Whoever reaches the server is answered, logged in or not: for what is judged here by other means, such as a webhook's signature.
   */
  serve(prefix: string, handler: HttpHandler, options?: { open?: boolean }): Promise<void>
  /**
   * Serves a folder of the plugin's own package, without waking the plugin.
   *
   * @param options.spa Paths without a file answer index.html, for pages that route themselves.
   */
  static(prefix: string, folder: string, options?: { spa?: boolean }): Promise<void>
  /** Lets go of a prefix before the instance ends. @returns Whether it was its own. */
  unserve(prefix: string): Promise<boolean>
  /** The server's address, such as `http://127.0.0.1:7780`; waits until it listens. */
  url(): Promise<string>
}

export const Http = defineService<Http>('http', '1.0.0', { face: httpFace })

interface WireRequest {
  method: string
  url: string
  headers: [string, string][]
  body?: ReadableStream<Uint8Array> | undefined
  remote: string
}

/** Dresses the bare caller; exported for tests that hold one. */
export function httpFace(call: ServiceCaller): Http {
  return {
    serve: async (prefix, handler, options) => {
      const answering = (request: WireRequest) => answer(handler, request)
      await call('serve', options === undefined ? [prefix, answering] : [prefix, answering, options])
    },
    static: async (prefix, folder, options) => void (await call('static', [prefix, folder, options])),
    unserve: (prefix) => call('unserve', [prefix]) as Promise<boolean>,
    url: () => call('url', []) as Promise<string>,
  }
}

async function answer(handler: HttpHandler, { method, url, headers, body, remote }: WireRequest): Promise<unknown> {
  const init = { method, headers, ...(body != null && { body, duplex: 'half' }) }
  const response = await handler(new Request(url, init as RequestInit), { remote })
  return { status: response.status, headers: [...response.headers], body: response.body ?? undefined }
}
