// packages/kernel/src/lifecycle/lent.ts: a function that a guest lent to the host.
//   F1  Each time it crosses is one loan, and each loan is given back once: the guest counts them and forgets the function at none.
//   F2  A loan nobody gave back is given back when nothing here can reach it any more: by the function, or by what was made of it (lend.ts).

/** What stands behind a lent function. */
export interface Loan {
  /** Calls it; the call ends as `signal` aborts. */
  invoke(args: unknown[], signal: AbortSignal | undefined): Promise<unknown>
  /** Gives it back; further calls find nothing in the guest. */
  release(): void
}

export type LentFunction = (...args: unknown[]) => Promise<unknown>

const loans = new WeakMap<object, Loan>()

/** The loan behind a function that came from a guest; undefined for any other. */
export function loanOf(fn: object): Loan | undefined {
  return loans.get(fn)
}

export interface Lender {
  /** The host's view of the guest's function `id`. */
  receive(id: number): LentFunction
}

/** @param giveBack Tells the guest that one loan of function `id` is over. */
export function createLender(
  invoke: (id: number, args: unknown[], signal: AbortSignal | undefined) => Promise<unknown>,
  giveBack: (id: number) => void,
): Lender {
  const forgotten = new FinalizationRegistry(giveBack) // F2
  return {
    receive(id) {
      const fn: LentFunction = (...args) => invoke(id, args, undefined)
      const token = {}
      let open = true
      const loan: Loan = {
        invoke: (args, signal) => invoke(id, args, signal),
        release() {
          if (!open) return // F1
          open = false
          forgotten.unregister(token)
          giveBack(id)
        },
      }
      forgotten.register(loan, id, token) // F2
      loans.set(fn, loan)
      return fn
    },
  }
}
