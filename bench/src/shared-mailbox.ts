// bench/src/shared-mailbox.ts: one text at a time through shared memory: a state (0 empty, 1 full), a length, the bytes.
const STATE = 0
const LENGTH = 1
const HEAD = 8

export interface Mailbox {
  /** @throws RangeError if what was put before has not been taken. */
  put(text: string): void
  /** Blocks its thread until there is a text. */
  waitSync(): string
  /** The same without blocking. */
  wait(): Promise<string>
}

export function openMailbox(shared: SharedArrayBuffer): Mailbox {
  const head = new Int32Array(shared, 0, 2)
  const bytes = Buffer.from(shared, HEAD)
  return {
    put(text) {
      if (Atomics.load(head, STATE) !== 0) throw new RangeError('the mailbox is full')
      head[LENGTH] = bytes.write(text)
      Atomics.store(head, STATE, 1)
      Atomics.notify(head, STATE)
    },
    waitSync() {
      Atomics.wait(head, STATE, 0)
      return take()
    },
    async wait() {
      const { async, value } = Atomics.waitAsync(head, STATE, 0)
      if (async) await value
      return take()
    },
  }

  function take(): string {
    const text = bytes.toString('utf8', 0, head[LENGTH])
    Atomics.store(head, STATE, 0)
    return text
  }
}
