// examples/embed/plugin/src/service.ts: what host and plugin agree on. Both import this file.
import { defineEvents, defineService, z } from '@pryx/sdk'

export interface Greeter {
  /** Says hello. @param name At most 100 characters. */
  greet(name: string): Promise<string>
}

export const Greeter = defineService<Greeter>('greeter', '1.0.0', {
  methods: { greet: { input: z.tuple([z.string().max(100)]) } },
})

export const greeterEvents = defineEvents('greeter', {
  greeted: z.object({ name: z.string(), times: z.number().int() }), // times: since the plugin's first start
})
