// packages/sdk/src/capabilities/secrets.ts: the token of secrets. Each name needs `secrets:NAME`.
import { defineService } from '@pryx/kernel/contract'

/**
 * Secrets, sealed on disk. A plugin writes its own namespace; a name it has not set itself is looked up among those the user shares.
 * Names: letters, digits, `_` and `-`, joined by dots, at most 128 characters.
 *
 * @throws SECRETS_WRONG_KEY, SECRETS_CORRUPT, SECRETS_TAMPERED if the vault does not open; SECRETS_TOO_BIG past 64 KiB or 256 names.
 */
export interface Secrets {
  get(name: string): Promise<string | undefined>
  /** On disk when it resolves. */
  set(name: string, value: string): Promise<void>
  /** Of its own namespace. @returns Whether it was there. */
  delete(name: string): Promise<boolean>
  has(name: string): Promise<boolean>
  /** Names the plugin has set itself, sorted. */
  list(): Promise<string[]>
}

export const Secrets = defineService<Secrets>('secrets', '1.0.0')
