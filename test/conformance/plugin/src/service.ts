// test/conformance/plugin/src/service.ts: how the test asks the guest.
import { defineService } from '../../../../packages/kernel/src/contract/index.ts'
import type { Outcome } from '../../case.ts'

export interface Conformance {
  /** Runs the cases from `from` to `to` (not included) of an area. */
  run(area: string, from: number, to: number): Promise<Outcome[]>
}
export const Conformance = defineService<Conformance>('conformance', '1.0.0')
