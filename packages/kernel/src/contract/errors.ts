// packages/kernel/src/contract/errors.ts: one error shape for both sides of the wall.
//   E1  The class says who must act, `code` says what happened, `hint` says what to do next.
//   E2  Errors are recognised by a registry symbol, never by prototype: isolates and duplicate installs have their own.
//   E3  Only the plain form crosses the wall: no stack of the host, no foreign object, bounded length.
const BRAND = Symbol.for('pryx.error')
const MAX_TEXT = 4_096 // characters of a message or hint that cross the wall
const MAX_DETAIL = 1_024 // characters of one detail value that cross the wall

/** What an error may carry beside its message; each value is plain data for whoever repairs the cause. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>

export interface ErrorOptions {
  hint?: string | undefined
  cause?: unknown
  [detail: string]: unknown
}

/** An error as it crosses the wall or lands in a log. */
export interface ErrorJson {
  name: string
  code: string
  message: string
  hint?: string
  details?: ErrorDetails
  /** Stack of the guest that threw, source-mapped where a map is known; never a stack of the host. */
  stack?: string
}

export class PryxError extends Error {
  readonly code: string
  readonly hint: string | undefined
  readonly details: ErrorDetails
  readonly [BRAND] = true

  constructor(code: string, message: string, options: ErrorOptions = {}) {
    const { hint, cause, ...details } = options
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.code = code
    this.hint = hint
    this.details = details as ErrorDetails
  }

  /** True if `error` is a Pryx error, of the given code if one is named; holds across isolates and installs (E2). */
  static is(error: unknown, code?: string): error is PryxError {
    if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
    return code === undefined || (error as PryxError).code === code
  }

  toJSON(): ErrorJson {
    return errorToJson(this)
  }
}

/** The author acts: the manifest or another file is wrong. Details: `file`, `path`, `found`, `expected`. */
export class ManifestError extends PryxError {}
/** The author or the caller acts: a call that cannot be meant. */
export class UsageError extends PryxError {}
/** The user acts: something was not declared, not granted or revoked. Details: `plugin`, `access`. */
export class PermissionError extends PryxError {}
/** The kernel acts, then tells: a plugin could not start, stop or stay up. Details: `plugin`, `state`. */
export class LifecycleError extends PryxError {}
/** The kernel acts, then tells: a service is missing, too old, gone or late. Details: `service`, `range`. */
export class ServiceError extends PryxError {}
/** The author acts: a limit of the sandbox was passed. Details: `limit`, `used`, `max`, units in the text. */
export class SandboxError extends PryxError {}
/** The user or the world acts: a file, a network, a child process said no. Details by capability. */
export class CapabilityError extends PryxError {}

const FAMILIES: Record<string, typeof PryxError> = {
  __proto__: null as never, // names come from untrusted input: "toString" is no family
  ManifestError,
  UsageError,
  PermissionError,
  LifecycleError,
  ServiceError,
  SandboxError,
  CapabilityError,
}

/**
 * Makes an error without a stack: for refusals that a plugin can cause by the thousand. There the stack would cost more than
 * all else together, and would only show the kernel's own way of saying no.
 */
export function stackless<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit
  Reflect.set(Error, 'stackTraceLimit', 0) // in a guest it may be out of reach: then there is a stack
  try {
    return make()
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit)
  }
}

/** The plain form of anything thrown: bounded, without host stacks (E3). */
export function errorToJson(error: unknown): ErrorJson {
  if (!PryxError.is(error)) return foreignError(error)
  const json: ErrorJson = { name: error.name, code: error.code, message: clip(error.message, MAX_TEXT) }
  if (error.hint !== undefined) json.hint = clip(error.hint, MAX_TEXT)
  const details = plainDetails(error.details)
  if (details !== undefined) json.details = details
  return json
}

/** The error for its plain form. Takes untrusted input: unknown families and odd fields become a plain PryxError. */
export function errorFromJson(json: unknown): PryxError {
  const from = (typeof json === 'object' && json !== null ? json : {}) as Partial<Record<keyof ErrorJson, unknown>>
  const Family = FAMILIES[text(from.name, 64)] ?? PryxError
  const message = text(from.message, MAX_TEXT) || 'unknown error'
  const options = {
    ...plainDetails(from.details),
    ...(typeof from.hint === 'string' ? { hint: clip(from.hint, MAX_TEXT) } : {}),
  }
  const error = stackless(() => new Family(text(from.code, 64) || 'ERROR', message, options))
  if (Family === PryxError && typeof from.name === 'string') error.name = clip(from.name, 64)
  if (typeof from.stack === 'string') error.stack = clip(from.stack, MAX_TEXT * 2)
  return error
}

function foreignError(error: unknown): ErrorJson {
  if (error instanceof Error) return { name: error.name, code: nodeCode(error), message: clip(error.message, MAX_TEXT) }
  return { name: 'Error', code: 'ERROR', message: clip(String(error), MAX_TEXT) }
}

function nodeCode(error: Error): string {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' ? code : 'ERROR'
}

function plainDetails(details: unknown): ErrorDetails | undefined {
  if (typeof details !== 'object' || details === null) return undefined
  const plain: Record<string, string | number | boolean> = {}
  for (const [key, value] of Object.entries(details).slice(0, 16)) {
    if (key === 'hint' || key === 'cause') continue
    if (typeof value === 'string') plain[key] = clip(value, MAX_DETAIL)
    else if (typeof value === 'number' || typeof value === 'boolean') plain[key] = value
  }
  return Object.keys(plain).length > 0 ? plain : undefined
}

function text(value: unknown, max: number): string {
  return typeof value === 'string' ? clip(value, max) : ''
}

function clip(value: string, max: number): string {
  return value.length <= max ? value : `${value.slice(0, max - 1)}…`
}
