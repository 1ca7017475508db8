// plugins/scheduler/src/debug/modes.ts: dry runs and replays (S11): what stands for having done a deed.
//   M1  A dry run does nothing that could change anything: what has an effect is shown, not done. Reading is done. It waits for nobody.
//   M2  A replay does nothing at all: every deed brings what it brought in the run that is repeated.
import { type Deed, hasEffect } from '../actions/action.ts'
import type { StepJournal } from '../workflow/journal.ts'
import type { Mode } from '../workflow/runner.ts'

/** M1 */
export const dryMode: Mode = {
  async instead(_path: string, deed: Deed, readOnly: boolean) {
    if (readOnly || !hasEffect(deed)) return undefined
    return { output: { blocked: true, would: deed } }
  },
  arrives: (_path, wait) =>
    'approval' in wait
      ? { output: { approved: true, by: 'nobody: it is a dry run', would: { wait } } }
      : { output: { blocked: true, would: { wait } } },
}

/** M2 @param run The one that is repeated. */
export async function replayMode(journal: StepJournal, run: string): Promise<Mode> {
  const recorded = await journal.read(run)
  return { instead: async (path) => outcomeOf(path), arrives: outcomeOf }

  function outcomeOf(path: string): { output: unknown } | { error: string } {
    const entry = recorded.get(path)
    if (entry?.status === 'ok') return { output: entry.output }
    if (entry?.status === 'failed') return { error: entry.error ?? 'failed' }
    return { error: `the run that is repeated has no outcome of ${path}` }
  }
}
