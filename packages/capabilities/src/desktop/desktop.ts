// packages/capabilities/src/desktop/desktop.ts: the capability `desktop`: short notes on the screen of whoever uses this machine (K4, S3).
//   D1  A note says which plugin it is from: nobody speaks as the system, as Pryx or as another plugin.
//   D2  A plugin cannot bury the screen: NOTES at once, then one every NOTE_MS.
import { type Capability, CapabilityError, type Consent, defineMethod, ManifestError } from '@pryx/kernel/contract'
import { z } from 'zod'
import { createScreen, type Screen } from './screen.ts'

const NOTES = 10
const NOTE_MS = 6_000
const CONTROLS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu // they hide or turn around what is read
const CONTROLS_BUT_LINES = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

const noteSchema = z.strictObject({
  title: z.string().min(1).max(200),
  body: z.string().max(2_000).default(''),
  urgency: z.enum(['low', 'normal', 'critical']).default('normal'),
})

/** @param screen Default: this machine's. @param now Epoch ms or any clock that only grows. */
export function createDesktopCapability(screen: Screen = createScreen(), now: () => number = Date.now): Capability {
  const tat = new Map<string, number>() // by plugin: when its last note has been paid for
  return {
    name: 'desktop',
    version: '1.0.0',
    summary: 'Notes on the screen of this machine',
    parse: parseDesktop,
    covers: (granted, wanted) => granted === wanted,
    consent: desktopConsent,
    methods: {
      available: defineMethod({
        input: z.tuple([]),
        access: () => ['notify'],
        run: async () => screen.available(),
      }),
      notify: defineMethod({
        input: z.tuple([noteSchema]),
        access: () => ['notify'],
        async run([{ title, body, urgency }], { plugin, signal }) {
          pay(plugin)
          const note = { title: title.replace(CONTROLS, ' '), body: body.replace(CONTROLS_BUT_LINES, ' '), urgency }
          await screen.show({ from: `Pryx, ${plugin}`, ...note }, signal) // D1
        },
      }),
    },
  }

  /** D2, by the generic cell rate algorithm. @throws DESKTOP_RATE. */
  function pay(plugin: string): void {
    const paid = Math.max(tat.get(plugin) ?? 0, now()) + NOTE_MS
    const waitMs = paid - now() - NOTES * NOTE_MS
    if (waitMs > 0) throw tooMany(plugin, waitMs)
    tat.set(plugin, paid)
  }
}

/** `notify`, the only power there is. @throws MANIFEST_INVALID. */
export function parseDesktop(rest: string): string {
  if (rest === 'notify') return rest
  throw new ManifestError('MANIFEST_INVALID', `"desktop:${rest.slice(0, 80)}" is no power over the desktop`, {
    found: `desktop:${rest.slice(0, 80)}`,
    expected: 'desktop:notify',
    hint: 'Write desktop:notify.',
  })
}

export function desktopConsent(): Consent {
  return { text: 'show notes on your screen, with its name on them', risk: 'low', traits: [] }
}

function tooMany(plugin: string, waitMs: number): CapabilityError {
  return new CapabilityError('DESKTOP_RATE', `${plugin} shows too many notes`, {
    waitMs: Math.ceil(waitMs),
    hint: `At most ${NOTES} at once and one every ${NOTE_MS / 1_000} s. Tell several things in one note.`,
  })
}
