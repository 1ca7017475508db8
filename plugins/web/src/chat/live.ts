// plugins/web/src/chat/live.ts: answers in the making, so that a page which joins in the middle sees them from their first word.
//   A1  A message of the assistant, or the end of the run, is the end of what was in the making: the log holds it now.
//   A2  Memory is bounded: so many sessions, so many characters each. What is cut is only shown late, never lost: the message holds it all.
const MAX_SESSIONS = 64
const MAX_TEXT = 131_072 // characters, as one message

export interface InTheMaking {
  run: string
  text: string
}

export interface Delta {
  session: string
  run: string
  text: string
  reset?: boolean | undefined
}

export interface LiveAnswers {
  of(session: string): InTheMaking | undefined
  piece(delta: Delta): void
  /** A1 */
  end(session: string): void
}

export function createLiveAnswers(): LiveAnswers {
  const bySession = new Map<string, InTheMaking>()
  return {
    of: (session) => bySession.get(session),
    piece({ session, run, text, reset }) {
      const before = bySession.get(session)
      const goesOn = before?.run === run && reset !== true
      bySession.delete(session) // the newest stands last
      bySession.set(session, { run, text: `${goesOn ? before.text : ''}${text}`.slice(0, MAX_TEXT) })
      if (bySession.size > MAX_SESSIONS) bySession.delete(bySession.keys().next().value!) // A2
    },
    end: (session) => void bySession.delete(session),
  }
}
