// plugins/web/page/poll.ts: asks again and again, while a section is open and the page is seen.
import { useEffect, useRef } from 'react'

/** Asks at once and then `everyMs` after each answer. `key`: what is asked; when it changes, the old question's answer is dropped. */
export function usePoll(key: string | undefined, everyMs: number, ask: () => Promise<(() => void) | undefined>): void {
  const latest = useRef(ask)
  latest.current = ask
  useEffect(() => {
    if (key === undefined) return
    let timer: ReturnType<typeof setTimeout> | undefined
    let ended = false
    const round = async () => {
      const take = document.hidden ? undefined : await latest.current().catch(() => undefined) // the frame tells when Pryx is away
      if (ended) return
      take?.()
      timer = setTimeout(round, everyMs)
    }
    void round()
    return () => {
      ended = true
      clearTimeout(timer)
    }
  }, [key, everyMs])
}
