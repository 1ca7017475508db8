// test/types.test.ts: what types can know, the compiler refuses. `tsc` checks this file: a `@ts-expect-error` that expects nothing is an error.
import { expect, test } from 'vitest'
import { defineEvents, definePlugin, defineService, z } from '../packages/sdk/src/index.ts'

const Notes = defineService<{ save(text: string): Promise<string> }>('notes', '1.0.0')
const noteEvents = defineEvents('note', { saved: z.object({ id: z.string() }) })

test('K9: an undeclared event, method or config key, or a payload of another shape, does not compile', () => {
  const plugin = definePlugin({
    config: z.object({ city: z.string() }),
    async activate(ctx) {
      const notes = await ctx.use(Notes)
      const id: string = await notes.save(ctx.config.city)
      void ctx.emit(noteEvents.saved, { id })
      // @ts-expect-error the family has no such event
      void ctx.emit(noteEvents.removed, { id })
      // @ts-expect-error of another shape
      void ctx.emit(noteEvents.saved, { id: 1 })
      // @ts-expect-error a name alone is no event to emit: it has no schema
      void ctx.emit('note.saved', { id })
      // @ts-expect-error the service has no such method
      void notes.remove(id)
      // @ts-expect-error of another type
      void notes.save(1)
      // @ts-expect-error the config has no such key
      void ctx.config.town
      // @ts-expect-error what is provided lacks a method
      ctx.provide(Notes, {})
      // @ts-expect-error the handler's payload is typed
      ctx.events.on(noteEvents.saved, ({ name }) => name)
      // @ts-expect-error a tool's input is what its schema says
      ctx.tools.provide({ name: 'a.b', input: z.object({ a: z.string() }), run: ({ b }) => b })
    },
  })

  expect(plugin.activate).toBeTypeOf('function')
})
