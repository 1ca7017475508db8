// plugins/webhook/src/limit.ts: how many requests a minute. Pure but for the time handed in.
//   A vessel that holds a minute's worth and drains at that rate: a burst is fine, a flood is not, and one key's flood is not another's.

export interface Limit {
  /** 0: go on. Else the seconds after which it may be tried again. */
  take(key: string, perMinute: number, now: number): number
}

export function createLimit(): Limit {
  const full = new Map<string, number>() // when each vessel will be empty, epoch ms
  return {
    take(key, perMinute, now) {
      const stepMs = 60_000 / perMinute
      const level = Math.max(full.get(key) ?? 0, now) + stepMs
      if (level - now > 60_000) return Math.max(1, Math.ceil((level - now - 60_000) / 1_000))
      full.set(key, level)
      return 0
    },
  }
}
