// packages/kernel/src/ledger/account.ts: one plugin's row of the ledger, written where things happen: by its sandbox process and its instances.

/** Over all instances since the host started; `heapBytes` is of now. */
export interface Account {
  /** Processor time of its turns, ms. */
  cpuMs: number
  turns: number
  heapBytes: number
  /** Bytes of its frames on the pipe, heads included: to the plugin, from the plugin. */
  bytesIn: number
  bytesOut: number
  messagesIn: number
  messagesOut: number
  /** Calls it made to services, capabilities, tools and hooks; calls into it. */
  calls: number
  served: number
  /** Events it published. */
  eventsOut: number
}

export function openAccount(): Account {
  return {
    cpuMs: 0,
    turns: 0,
    heapBytes: 0,
    bytesIn: 0,
    bytesOut: 0,
    messagesIn: 0,
    messagesOut: 0,
    calls: 0,
    served: 0,
    eventsOut: 0,
  }
}

/** What one or more sandbox processes used, as they count it themselves, and what of it is no plugin's. */
export interface ProcessAccount {
  cpuMs: number
  bytesIn: number
  bytesOut: number
  overhead: {
    /** Loading Node and the runtime; its own thread outside turns; other threads outside turns. */
    startMs: number
    threadMs: number
    helpersMs: number
    /** Bytes of control frames. */
    bytesIn: number
    bytesOut: number
  }
}

export function openProcessAccount(): ProcessAccount {
  return {
    cpuMs: 0,
    bytesIn: 0,
    bytesOut: 0,
    overhead: { startMs: 0, threadMs: 0, helpersMs: 0, bytesIn: 0, bytesOut: 0 },
  }
}

/** Adds `other` to `account`. */
export function addProcess(account: ProcessAccount, other: Readonly<ProcessAccount>): void {
  account.cpuMs += other.cpuMs
  account.bytesIn += other.bytesIn
  account.bytesOut += other.bytesOut
  for (const key of Object.keys(account.overhead) as (keyof ProcessAccount['overhead'])[])
    account.overhead[key] += other.overhead[key]
}
