// packages/sdk/src/capabilities/env.ts: the token of env. Each variable needs `env:NAME`.
import { defineService } from '@pryx/kernel/contract'

export interface Env {
  /** Undefined if it is not set. */
  get(name: string): Promise<string | undefined>
}

export const Env = defineService<Env>('env', '1.0.0')
