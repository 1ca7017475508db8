// test/conformance/cases/diary.ts: a sink for cases of writable streams.

/** A sink that keeps a diary. */
export function diary(more: UnderlyingSink<unknown> = {}): { log: string[]; sink: UnderlyingSink<unknown> } {
  const log: string[] = []
  return {
    log,
    sink: {
      write: (chunk) => void log.push(`write ${chunk}`),
      close: () => void log.push('close'),
      abort: (reason) => void log.push(`abort ${reason}`),
      ...more,
    },
  }
}
