// The planner plugin as a peer runs it: activated with the least context that will do, then asked once.
import planner from '../fixtures/planner/src/plugin.ts'

const question = { title: 'day', steps: [{ name: 'coffee', version: '1.0.0', needs: {}, minutes: 5 }] }

/** Activates the plugin, asks it for a plan and resolves with what it emits. */
export async function askPlanner(): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  let asked: (plan: typeof question) => unknown = () => {}
  const on = (_token: unknown, handler: typeof asked) => {
    asked = handler
  }
  const emit = async (_token: unknown, payload: unknown) => resolve(payload)
  await planner.activate({ events: { on }, emit } as never) // it uses nothing else of its context
  await asked(question)
  return promise
}
