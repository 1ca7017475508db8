// packages/kernel/src/node/ticks.ts: the machine's monotonic clock, the same in all its processes.

/** ms with fractions. */
export function ticks(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1_000_000
}
