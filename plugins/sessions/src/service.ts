// plugins/sessions/src/service.ts: the contract of sessions: token, types, events, and the mirror every surface should use.
import { defineService, type ServiceCaller } from '@pryx/sdk'
import { z } from 'zod'
import { bodies, type Entry, idSchema, type SessionEvent } from './events.ts'

export { type Body, type Entry, type Kind, type SessionEvent, sessionEvents } from './events.ts'
export { createMirror, type Mirror, type MirrorPorts } from './mirror.ts'

export interface Session {
  id: string
  title: string
  /** Of its last event; 0 for an empty one. */
  version: number
  /** Epoch ms, both. */
  createdAt: number
  updatedAt: number
  archived: boolean
  /** Start of the last message. */
  preview: string
  branchOf?: { session: string; version: number }
  /** The run that writes in it now. */
  run?: string
}

export interface Found {
  session: string
  title: string
  version: number
  at: number
  role: 'user' | 'assistant'
  /** Around the hit; hits stand between « and ». */
  snippet: string
}

export interface SendRequest {
  surface: string
  /** The sender's own id for this message: sent again, it counts once. */
  client: string
  /** At most 131,072 characters. */
  text: string
  /** Who wrote it, where it was not the user: marked as such for the model. */
  origin?: string | undefined
}

export interface AppendRequest {
  surface: string
  entries: Entry[]
  client?: string | undefined
  /** Written only while this run is the session's writer. */
  run?: string | undefined
  claim?: 'take' | 'seize' | 'leave' | undefined
}

export interface Page {
  events: SessionEvent[]
  /** There is more after the last of them. */
  more: boolean
}

/**
 * Conversations. One log each, the same for every surface; what is acknowledged is on disk.
 *
 * @throws SESSION_UNKNOWN; SESSION_CLIENT_REUSED if a client id comes again with something else; SESSION_FENCED for a run that writes no more;
 *   SESSION_REFUSED for what only agents and the host may write.
 */
export interface Sessions {
  /** With an `id` that is there already, that one as it is. `main` is the session that surfaces share by default. */
  create(options?: { id?: string | undefined; title?: string | undefined }): Promise<Session>
  get(id: string): Promise<Session>
  /** Newest first, at most 200. `before` is the `updatedAt` of the last one seen. */
  list(filter?: {
    limit?: number | undefined
    before?: number | undefined
    archived?: boolean | undefined
  }): Promise<Session[]>
  rename(id: string, title: string): Promise<Session>
  archive(id: string, archived: boolean): Promise<Session>
  /** For good, with its log. Branches made of it stay. */
  remove(id: string): Promise<void>
  /** What a user says. Answers once it is on disk. */
  send(session: string, request: SendRequest): Promise<{ event: SessionEvent; duplicate: boolean }>
  /** Entries that stand together. Agents and the host only. */
  append(session: string, request: AppendRequest): Promise<{ events: SessionEvent[]; duplicate: boolean }>
  /** In order, after `after` (default 0). Pages are cut by size too: go on while `more`. */
  events(session: string, range?: { after?: number | undefined; limit?: number | undefined }): Promise<Page>
  /** What this surface has not acknowledged. */
  missed(session: string, surface: string, limit?: number): Promise<Page>
  /** This surface has shown all up to `version`. Never goes back. @returns Where the cursor is now. */
  ack(session: string, surface: string, version: number): Promise<number>
  /** Sessions with something this surface has not acknowledged, newest first, at most 200. */
  unread(surface: string): Promise<{ session: string; version: number; seen: number }[]>
  /** Told to all surfaces, kept nowhere. */
  typing(session: string, surface: string, on: boolean): Promise<void>
  /** A piece of an answer in the making: told, not kept. Agents and the host only. */
  delta(session: string, run: string, text: string, reset?: boolean): Promise<void>
  /** Messages that hold all words of `query` (the last one may be the beginning of a word), best first, at most 50. */
  search(query: string, filter?: { session?: string | undefined; limit?: number | undefined }): Promise<Found[]>
  /** A new session whose log is this one's up to `version`. */
  branch(session: string, version: number, title?: string): Promise<Session>
  /** The whole log as one text. */
  export(session: string, format: 'json' | 'markdown'): Promise<string>
}

const limit = z.number().int().min(1).max(200).optional()
const surface = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}(:[A-Za-z0-9_.@-]{1,95})?$/, 'a surface such as web or telegram:42')
const client = z.string().min(1).max(128)
const version = z.number().int().min(0)
const title = z.string().max(200)
const entry = z.union(
  (Object.keys(bodies) as (keyof typeof bodies)[]).map((kind) =>
    z.strictObject({ kind: z.literal(kind), body: bodies[kind] }),
  ),
)

export const Sessions = defineService<Sessions>('sessions', '1.0.0', {
  methods: {
    create: {
      input: z.tuple([]).rest(z.strictObject({ id: idSchema.optional(), title: title.optional() }).optional()),
    },
    get: { input: z.tuple([idSchema]) },
    list: {
      input: z
        .tuple([])
        .rest(z.strictObject({ limit, before: z.number().optional(), archived: z.boolean().optional() }).optional()),
    },
    rename: { input: z.tuple([idSchema, title]) },
    archive: { input: z.tuple([idSchema, z.boolean()]) },
    remove: { input: z.tuple([idSchema]) },
    send: {
      input: z.tuple([
        idSchema,
        z.strictObject({
          surface,
          client,
          text: bodies.message.shape.text.min(1),
          origin: bodies.message.shape.origin,
        }),
      ]),
    },
    append: {
      input: z.tuple([
        idSchema,
        z.strictObject({
          surface,
          entries: z.array(entry).min(1).max(64),
          client: client.optional(),
          run: idSchema.optional(),
          claim: z.enum(['take', 'seize', 'leave']).optional(),
        }),
      ]),
    },
    events: { input: z.tuple([idSchema]).rest(z.strictObject({ after: version.optional(), limit }).optional()) },
    missed: { input: z.tuple([idSchema, surface]).rest(limit) },
    ack: { input: z.tuple([idSchema, surface, version]) },
    unread: { input: z.tuple([surface]) },
    typing: { input: z.tuple([idSchema, surface, z.boolean()]) },
    delta: { input: z.tuple([idSchema, idSchema, z.string().max(65_536)]).rest(z.boolean().optional()) },
    search: {
      input: z
        .tuple([z.string().min(1).max(256)])
        .rest(
          z
            .strictObject({ session: idSchema.optional(), limit: z.number().int().min(1).max(50).optional() })
            .optional(),
        ),
    },
    branch: { input: z.tuple([idSchema, version]).rest(title.optional()) },
    exportPage: { input: z.tuple([idSchema, z.enum(['json', 'markdown']), version]) },
  },
  face: sessionsFace,
})

/** What the provider answers `exportPage` with. */
export interface ExportPage {
  text: string
  /** Where to go on; undefined at the end. */
  next?: number
}

const METHODS = [
  ...['create', 'get', 'list', 'rename', 'archive', 'remove', 'send', 'append', 'events', 'missed', 'ack', 'unread'],
  ...['typing', 'delta', 'search', 'branch'],
]

/** A long log does not fit one message: its export is put together on the consumer's side. */
function sessionsFace(call: ServiceCaller): Sessions {
  const face = Object.fromEntries(METHODS.map((method) => [method, (...args: unknown[]) => call(method, args)]))
  return Object.assign(face as unknown as Sessions, {
    async export(session: string, format: 'json' | 'markdown') {
      const pieces: string[] = []
      for (let after: number | undefined = 0; after !== undefined; ) {
        const page = (await call('exportPage', [session, format, after])) as ExportPage
        pieces.push(page.text)
        after = page.next
      }
      return pieces.join('')
    },
  })
}
