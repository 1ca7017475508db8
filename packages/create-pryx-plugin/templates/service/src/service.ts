// src/service.ts: the contract. Plugins that use this one import this file and no other.
import { defineEvents, defineService, z } from '@pryx/sdk'

export interface Sample {
  /**
   * Saves a note; `sample.saved` is emitted once it is stored.
   *
   * @param text At most 65,536 characters.
   * @returns Its id.
   */
  save(text: string): Promise<string>
  read(id: string): Promise<string | undefined>
}

export const Sample = defineService<Sample>('sample', '1.0.0', {
  methods: {
    save: { input: z.tuple([z.string().max(65_536)]) }, // checked before the plugin sees it
    read: { input: z.tuple([z.string()]) },
  },
})

export const sampleEvents = defineEvents('sample', {
  saved: z.object({ id: z.string() }),
})
