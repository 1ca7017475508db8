// plugins/sessions/src/events.ts: what a session's log holds, and what is told of it on the bus.
//   Kept events carry a version, which grows by one within a session, without gaps. `typing` and `delta` pass by and are never kept.
import { defineEvents } from '@pryx/sdk'
import { z } from 'zod'

const MAX_TEXT = 131_072 // characters of one message or tool result: with all around it far below the limit of one message on the wire

export const idSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9:_.@-]{0,127}$/, 'a short id of letters, digits and : _ . @ -')
const text = z.string().max(MAX_TEXT)
const money = z.number().min(0).nullable()

/** What each kind of entry says. */
export const bodies = {
  message: z.strictObject({
    role: z.enum(['user', 'assistant']),
    text,
    /** Who wrote it where it was not the user's own hand: a channel's stranger, a schedule, a webhook. It is marked as such for the model. */
    origin: z.string().max(128).optional(),
    model: z.string().max(256).optional(),
    /** Of this answer alone; null: the price is unknown. */
    usd: money.optional(),
    inputTokens: z.number().int().min(0).optional(),
    outputTokens: z.number().int().min(0).optional(),
  }),
  'tool.requested': z.strictObject({ call: z.string().max(128), name: z.string().max(128), input: z.unknown() }),
  'tool.completed': z.strictObject({
    call: z.string().max(128),
    name: z.string().max(128),
    output: z.unknown(),
    /** `refused`: a permission, a hook or the user said no. `interrupted`: whether it took effect is not known. */
    outcome: z.enum(['ok', 'failed', 'refused', 'interrupted']),
  }),
  'approval.needed': z.strictObject({
    approval: z.string().max(128),
    plugin: z.string().max(256),
    permission: z.string().max(512),
    sentence: z.string().max(1_024),
    /** Epoch ms at which no answer counts as a no. */
    expiresAt: z.number(),
  }),
  'approval.resolved': z.strictObject({
    approval: z.string().max(128),
    answer: z.string().max(32),
    by: z.string().max(256),
  }),
  /** Stands for all entries up to `upTo` where the log is read to a model. They stay in the log (M2). */
  summary: z.strictObject({
    text,
    upTo: z.number().int().min(1),
    /** Messages it stands for. */
    messages: z.number().int().min(1),
    model: z.string().max(256).optional(),
    usd: money.optional(),
  }),
  'run.started': z.strictObject({ run: idSchema, resumed: z.boolean().optional() }),
  'run.finished': z.strictObject({
    run: idSchema,
    status: z.enum(['ok', 'error', 'timeout', 'cancelled', 'superseded']),
    error: z.string().max(2_048).optional(),
    code: z.string().max(64).optional(),
  }),
} as const

export type Kind = keyof typeof bodies
export const KINDS = Object.keys(bodies) as Kind[]
export type Body<K extends Kind = Kind> = z.infer<(typeof bodies)[K]>

/** What is to be written. */
export type Entry = { [K in Kind]: { kind: K; body: Body<K> } }[Kind]

const about = {
  session: z.string(),
  /** From 1, without gaps. */
  version: z.number().int(),
  /** Epoch ms. */
  at: z.number(),
  /** Where it came from: `web`, `telegram:42`, `terminal` … */
  surface: z.string(),
  /** The plugin that wrote it, or `host`; the kernel vouches for it. */
  from: z.string(),
  /** What the sender called it. */
  client: z.string().optional(),
}

const kept = <K extends Kind>(kind: K) => z.object({ ...about, kind: z.literal(kind), body: bodies[kind] })

/** One line of the log. */
export type SessionEvent = {
  [K in Kind]: {
    session: string
    version: number
    at: number
    surface: string
    from: string
    client?: string | undefined
    kind: K
    body: Body<K>
  }
}[Kind]

export const sessionEvents = defineEvents('session', {
  message: kept('message'),
  'tool.requested': kept('tool.requested'),
  'tool.completed': kept('tool.completed'),
  'approval.needed': kept('approval.needed'),
  'approval.resolved': kept('approval.resolved'),
  summary: kept('summary'),
  'run.started': kept('run.started'),
  'run.finished': kept('run.finished'),
  /** Somebody is writing, or has stopped. Never kept. */
  typing: z.object({ session: z.string(), surface: z.string(), on: z.boolean() }),
  /** A piece of an answer that is being made. Never kept: the message that follows holds it all. `reset`: forget the pieces so far. */
  delta: z.object({ session: z.string(), run: z.string(), text: z.string(), reset: z.boolean().optional() }),
  /** A session was made, renamed, archived or removed. */
  changed: z.object({ session: z.string(), what: z.enum(['created', 'renamed', 'archived', 'restored', 'removed']) }),
})

/** The name under which a kept event is told. */
export const eventOf = (kind: Kind) => sessionEvents[kind]
