// packages/kernel/src/permissions/lend.ts: what a caller hands along with a call (streams, functions) serves that call and what it keeps, no longer (K4).
//   L1  A lent function answers while the lease lives. A call of it that is under way as the lease ends, ends with it.
//   L2  A lent stream errors as the lease closes, and its source is told that nobody reads on.
//   L3  What was lent is given back as the lease closes, so that a guest's functions do not pile up.
import { CapabilityError, stackless } from '../contract/index.ts'
import { type LentFunction, type Loan, loanOf } from '../lifecycle/lent.ts'
import type { Lease } from './lease.ts'
import { leaseStream, leaseStreams, replaceWithin } from './stream.ts'

/** `args` with each stream and function of the caller in it bound to the lease. */
export function lend<T>(args: T, lease: Lease): T {
  return replaceWithin(args, (item) => {
    if (item instanceof ReadableStream) return leaseStream(item, lease, (release) => lease.lend(release))
    const loan = typeof item === 'function' ? loanOf(item) : undefined
    return loan && lendFunction(loan, lease)
  }) as T
}

/** Gives back what came with a call that never began. */
export function refuseLent(args: unknown): void {
  replaceWithin(args, (item) => {
    if (item instanceof ReadableStream) item.cancel('the call was refused').catch(() => {})
    else if (typeof item === 'function') loanOf(item)?.release()
    return undefined
  })
}

function lendFunction(loan: Loan, lease: Lease): LentFunction {
  lease.lend(() => loan.release()) // L3
  return async (...args) => {
    if (lease.closed) throw lease.ended ?? over()
    const under = new AbortController()
    const done = lease.keep(() => () => under.abort(lease.reason)) // L1
    try {
      return leaseStreams(await loan.invoke(args, under.signal), lease)
    } finally {
      void done()
    }
  }
}

function over(): CapabilityError {
  return stackless(
    () =>
      new CapabilityError('CAPABILITY_OVER', 'the call this function came with is over', {
        hint: 'A driver that goes on calling a function keeps something by `effect`, and stops when that is released.',
      }),
  )
}
