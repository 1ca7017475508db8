// packages/sdk/src/capabilities/shell.ts: the token of shell. Each program needs `shell:NAME`, or `shell:NAME ARGUMENT` for what begins so.
import { defineService, type ServiceCaller } from '@pryx/kernel/contract'

export interface RunRequest {
  /** Bare name of a program on the host's PATH. */
  command: string
  /** One by one: no shell reads them. */
  args?: string[]
  /** A folder in the workspace, or `${data}/…`. Default: the workspace. */
  cwd?: string
  /** Added to PATH, HOME, LANG and their like; what changes which code a program loads is refused. */
  env?: Record<string, string>
  stdin?: string | Uint8Array
  /** Default 60,000, at most 600,000. */
  timeoutMs?: number
  /** Of each output. Default 128 KiB, at most 256 KiB. */
  maxBytes?: number
}

export interface RunResult {
  /** Absent after a signal. */
  exitCode?: number
  signal?: string
  /** UTF-8, the first `maxBytes` of it. */
  stdout: string
  stderr: string
  /** More was written than is told. */
  truncated: boolean
}

export interface Shell {
  /**
   * Runs a program to its end, or until `signal` aborts; what it leaves running is ended with it. A program that fails is an answer, not an
   * error.
   *
   * @throws SHELL_NOT_FOUND, SHELL_CWD, SHELL_ENV, SHELL_START, SHELL_TIMEOUT.
   */
  run(request: RunRequest, options?: { signal?: AbortSignal }): Promise<RunResult>
}

export const Shell = defineService<Shell>('shell', '1.0.0', { face: shellFace })

function shellFace(call: ServiceCaller): Shell {
  return { run: (request, { signal } = {}) => call('run', [request], signal && { signal }) as Promise<RunResult> }
}
