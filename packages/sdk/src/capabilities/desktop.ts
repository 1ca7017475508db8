// packages/sdk/src/capabilities/desktop.ts: the token of desktop. Both methods need `desktop:notify`.
import { defineService } from '@pryx/kernel/contract'

export interface DesktopNote {
  /** One line, up to 200 characters. The plugin's name stands before it. */
  title: string
  /** Plain text, up to 2,000 characters; desktops show its beginning. Default: none. */
  body?: string
  /** Default `normal`. What is `critical` stays until it is seen, on desktops that know the difference. */
  urgency?: 'low' | 'normal' | 'critical'
}

/** Notes on the screen of whoever uses this machine. */
export interface Desktop {
  /** False where there is no desktop session, or nothing that shows notes in it. */
  available(): Promise<boolean>
  /**
   * Resolves when the desktop has taken the note, which is not when it was read.
   *
   * @throws DESKTOP_NONE without a desktop, DESKTOP_RATE past ten at once and ten a minute, DESKTOP_FAILED if it was not taken.
   */
  notify(note: DesktopNote): Promise<void>
}

export const Desktop = defineService<Desktop>('desktop', '1.0.0')
