// plugins/web/src/service.ts: what other plugins may ask the control centre.
import { defineService } from '@pryx/sdk'

/** The page through which the user sees and rules the host. */
export interface Web {
  /** Where the page is served, such as `http://127.0.0.1:7799/`. */
  url(): Promise<string>
  /** Pages that are open now: a plugin may prefer to tell the user there. */
  viewers(): Promise<number>
}

export const Web = defineService<Web>('web', '1.0.0')
