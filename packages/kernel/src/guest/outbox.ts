// packages/kernel/src/guest/outbox.ts: what the guest says, gathered into one batch per turn.
//   O1  A message is text from the moment it is posted: later changes to the value do not reach the other side.
//   O2  A message that cannot be said (not cloneable, too large) throws at its poster and leaves nothing behind.
//   O3  Order is kept. A batch leaves when its turn grows quiet, or at once past MAX_MESSAGES or MAX_CHARACTERS.
//   O4  Emits that follow one another travel as one message, as long as it stays short.
//   O5  A checkpoint takes the place of an earlier one in its batch, and no batch is cut right behind it: the next message is often the `ack`
//       of the event it covers, and one without the other would be an event lost or doubled if the process is lost then.
import { encode, type Handles, isPlain, type Parcel } from '../contract/codec.ts'
import { PryxError, SandboxError, UsageError } from '../contract/errors.ts'
import { type GuestMessage, MAX_EMITS, parseGuestMessage } from '../contract/wire.ts'
import { failureToJson } from './failure.ts'

const MAX_MESSAGES = 32
const MAX_CHARACTERS = 262_144
const MAX_GROUP_CHARACTERS = 65_536
const MAX_HOPS = 16 // microtasks a batch may wait for more
const QUIET_HOPS = 2 // microtasks without a new message that end the wait
const DEFAULT_MESSAGE_BYTES = 1_048_576

/** Handles of one message: `undo` takes back what encoding handed out when the message is not sent after all. */
export interface Carrier extends Handles {
  undo(): void
}

export interface Outbox {
  /**
   * Queues a message.
   *
   * @throws USAGE_ARGUMENTS, USAGE_NOT_CLONEABLE, USAGE_TOO_DEEP, SANDBOX_MESSAGE_TOO_LARGE; nothing is queued then (O2).
   */
  post(message: GuestMessage, carrier?: Carrier): void
  /**
   * Queues the answer of a call in its short form, if `value` is plain JSON; else false, and nothing is queued.
   *
   * @throws SANDBOX_MESSAGE_TOO_LARGE
   */
  reply(id: number, value: unknown): boolean
  flush(): void
  /** Largest message from now on, bytes. */
  limit(messageBytes: number): void
  readonly messageBytes: number
}

export interface OutboxPowers {
  send(text: string, ...buffers: Uint8Array[]): void
  /** Runs `task` as a microtask. */
  defer(task: () => void): void
}

export function createOutbox(powers: OutboxPowers): Outbox {
  let maxBytes = DEFAULT_MESSAGE_BYTES
  let texts: string[] = []
  let group: Group | undefined // the emits that are being gathered; its text stands last
  let parcel: Parcel = { buffers: [] }
  let checkpointAt = -1 // among the texts, unless it owns buffers
  let characters = 0
  let posted = 0
  let encoding = 0 // a getter of the value being encoded may post too
  let waiting = false
  let seen = 0
  let hops = 0
  let quiet = 0

  return {
    post,
    reply,
    flush,
    limit: (messageBytes) => {
      maxBytes = messageBytes
    },
    get messageBytes() {
      return maxBytes
    },
  }

  function post(message: GuestMessage, carrier?: Carrier): void {
    if (parseGuestMessage(message) === undefined) throw outOfBounds(message) // the kernel would take it for an attack
    const mark = parcel.buffers.length
    const before = posted
    encoding++
    try {
      if (message.t === 'emit') postEmit(message, mark)
      else {
        const text = JSON.stringify(encode(message, parcel, carrier)) // O1
        checkSize(text, parcel.buffers, mark)
        if (message.t === 'checkpoint') pushCheckpoint(text, mark)
        else push(text)
      }
    } catch (error) {
      if (posted === before) parcel.buffers.length = mark // O2; otherwise a message of a getter owns buffers behind the mark
      carrier?.undo()
      throw refusal(error)
    } finally {
      encoding--
    }
    queued(message.t === 'checkpoint')
  }

  function reply(id: number, value: unknown): boolean {
    encoding++
    try {
      if (value !== undefined && !isPlain(value)) return false
      const json = value === undefined ? '' : JSON.stringify(value) // O1
      if (json === undefined) return false
      const text = value === undefined ? `[${id}]` : `[${id},${json}]`
      checkSize(text, parcel.buffers, parcel.buffers.length)
      push(text)
    } catch (error) {
      throw refusal(error)
    } finally {
      encoding--
    }
    queued()
    return true
  }

  function push(text: string): void {
    closeGroup()
    texts.push(text)
    characters += text.length
  }

  /** O5 */
  function pushCheckpoint(text: string, mark: number): void {
    closeGroup()
    if (checkpointAt >= 0) {
      const [earlier = ''] = texts.splice(checkpointAt, 1)
      characters -= earlier.length
    }
    checkpointAt = parcel.buffers.length === mark ? texts.length : -1
    push(text)
  }

  /** O4 */
  function postEmit({ id, name, data, trace }: Extract<GuestMessage, { t: 'emit' }>, mark: number): void {
    const text = JSON.stringify(encode(data, parcel)) // O1; may emit itself, by a getter
    checkSize(text, parcel.buffers, mark)
    const fits = group !== undefined && group.id + group.events.length === id && group.events.length < MAX_EMITS
    if (!fits || group!.characters + text.length > Math.min(MAX_GROUP_CHARACTERS, maxBytes / 4)) {
      push('')
      group = { id, events: [], characters: 0 }
    }
    const size = text.length + name.length + trace.length + 8
    group!.events.push({ name, text, trace })
    group!.characters += size
    characters += size
  }

  function closeGroup(): void {
    if (group === undefined) return
    texts[texts.length - 1] = groupText(group)
    group = undefined
  }

  function queued(isCheckpoint = false): void {
    posted++
    const full = texts.length > MAX_MESSAGES || characters > MAX_CHARACTERS || parcel.buffers.length > MAX_MESSAGES
    if (full && !isCheckpoint) flush()
    else wait()
  }

  function flush(): void {
    if (texts.length === 0 || encoding > 0) return
    closeGroup()
    const text = `[${texts.join(',')}]`
    const { buffers } = parcel
    texts = []
    checkpointAt = -1
    parcel = { buffers: [] }
    characters = 0
    powers.send(text, ...buffers)
  }

  function wait(): void {
    if (waiting) return
    waiting = true
    seen = posted
    hops = 0
    quiet = 0
    powers.defer(hop)
  }

  function hop() {
    quiet = posted === seen ? quiet + 1 : 0
    seen = posted
    if (quiet < QUIET_HOPS && ++hops < MAX_HOPS) return powers.defer(hop)
    waiting = false
    flush()
  }

  function checkSize(text: string, buffers: readonly Uint8Array[], from: number): void {
    let bytes = 0
    for (let i = from; i < buffers.length; i++) bytes += (buffers[i] as Uint8Array).byteLength
    characters += bytes
    const used = bytes + (text.length * 3 + bytes > maxBytes ? utf8Length(text) : text.length)
    if (used <= maxBytes) return
    characters -= bytes
    throw new SandboxError(
      'SANDBOX_MESSAGE_TOO_LARGE',
      `a message of ${used} bytes is larger than the limit of ${maxBytes} bytes`,
      {
        limit: 'messageBytes',
        used,
        max: maxBytes,
        hint: 'Send large data as a ReadableStream, or in pieces.',
      },
    )
  }
}

interface Group {
  /** Of the first; the others count up. */
  id: number
  events: { name: string; text: string; trace: string }[]
  characters: number
}

function groupText({ id, events }: Group): string {
  const [{ name, text, trace }] = events as [Group['events'][0]]
  if (events.length === 1)
    return `{"t":"emit","id":${id},"name":${JSON.stringify(name)},"data":${text},"trace":${JSON.stringify(trace)}}`
  const parts = events.map((each) => `[${JSON.stringify(each.name)},${each.text},${JSON.stringify(each.trace)}]`)
  return `{"t":"emits","id":${id},"events":[${parts.join(',')}]}`
}

function outOfBounds({ t }: GuestMessage): UsageError {
  return new UsageError(
    'USAGE_ARGUMENTS',
    `"${t}" cannot be sent: a name or number in it is none, or is out of bounds`,
    {
      hint: 'Names are strings of at most 256 characters; capacities and times are whole numbers.',
    },
  )
}

function refusal(error: unknown): PryxError {
  if (isRefusal(error)) return error
  return new UsageError(
    'USAGE_NOT_CLONEABLE',
    `a value cannot be read (${failureToJson(error).message.slice(0, 200)})`,
    {
      hint: 'Pass plain objects without getters that throw.',
    },
  )
}

function isRefusal(error: unknown): error is PryxError {
  try {
    return PryxError.is(error) && /^(USAGE|SANDBOX)_/.test(error.code)
  } catch {
    return false // a proxy was thrown
  }
}

function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2 // a surrogate pair is 4 bytes, 2 a unit
  }
  return bytes
}
