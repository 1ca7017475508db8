// packages/sdk/src/capabilities/process.ts: the token and face of process: programs that keep running, owned by the plugin.
//   Each needs `process:NAME`, or `process:NAME ARGUMENT` for what begins so. They end with the instance.
import { defineService, type ServiceCaller } from '@pryx/kernel/contract'

export interface StartRequest {
  /** Bare name of a program on the host's PATH. */
  command: string
  args?: string[]
  /** A folder in the workspace, or `${data}/…`. Default: the workspace. */
  cwd?: string
  env?: Record<string, string>
  /** At most 16, to list by. */
  tags?: string[]
}

export interface ProcessStatus {
  id: string
  command: string
  args: string[]
  tags: string[]
  pid: number
  state: 'running' | 'ended'
  /** Epoch ms. */
  startedAt: number
  endedAt?: number
  exitCode?: number
  signal?: string
}

export interface OutputLine {
  from: 'stdout' | 'stderr'
  /** Without its line feed; longer ones come in pieces of 2,000 characters. */
  text: string
  /** Epoch ms. */
  at: number
  /** Goes up by one from 1. */
  seq: number
  /** Lines left out before this one, as the reader was too slow. */
  dropped?: number
}

/** @throws PROCESS_UNKNOWN for an id that is not the plugin's own; at most 16 run at a time, and 32 that ended are remembered. */
export interface Processes {
  /** @throws SHELL_NOT_FOUND, SHELL_CWD, SHELL_ENV, SHELL_START; PROCESS_TOO_MANY. */
  start(request: StartRequest): Promise<ProcessStatus>
  /** Oldest first. */
  list(options?: { tag?: string }): Promise<ProcessStatus[]>
  /** The newest lines of the 500 that are kept, oldest first. Default and most 100. */
  lines(id: string, options?: { max?: number }): Promise<OutputLine[]>
  /** The lines that are kept, then each as it comes, until the program ends. */
  output(id: string): Promise<ReadableStream<OutputLine>>
  /** To its standard input. @throws PROCESS_ENDED. */
  write(id: string, data: string | Uint8Array, options?: { end?: boolean }): Promise<void>
  /** Resolves when it has ended. */
  wait(id: string, options?: { signal?: AbortSignal }): Promise<ProcessStatus>
  /** Ends it with all it started: politely, after 2 s for good. */
  stop(id: string): Promise<ProcessStatus>
}

export const Processes = defineService<Processes>('process', '1.0.0', { face: processFace })

/** Dresses the bare caller; exported for tests that hold one. */
export function processFace(call: ServiceCaller): Processes {
  return {
    start: (request) => call('start', [request]) as Promise<ProcessStatus>,
    list: (options) => call('list', [options]) as Promise<ProcessStatus[]>,
    lines: (id, options) => call('lines', [id, options]) as Promise<OutputLine[]>,
    output: (id) => call('output', [id]) as Promise<ReadableStream<OutputLine>>,
    write: async (id, data, options) => void (await call('write', [id, data, options])),
    wait: (id, { signal } = {}) => call('wait', [id], signal && { signal }) as Promise<ProcessStatus>,
    stop: (id) => call('stop', [id]) as Promise<ProcessStatus>,
  }
}
