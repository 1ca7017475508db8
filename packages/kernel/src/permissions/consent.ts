// packages/kernel/src/permissions/consent.ts: what a plugin asks for, in plain words, and which of it is worse together (K4).
import type { Consent, Permission } from '../contract/index.ts'
import { consentTo, type Grammars } from './grammar.ts'

type Trait = Consent['traits'][number]

export interface ConsentLine extends Consent {
  readonly permission: Permission
}

/** A combination that is worse than its parts. `because` names the permissions that make it. */
export interface ConsentWarning {
  readonly code: 'LEAK_BY_STRANGER' | 'LEAK' | 'STRANGER_RUNS_CODE'
  readonly risk: 'medium' | 'high'
  readonly text: string
  readonly because: readonly Permission[]
}

export interface ConsentScreen {
  /** Riskiest first. */
  readonly lines: readonly ConsentLine[]
  readonly warnings: readonly ConsentWarning[]
}

const RISKS = ['high', 'medium', 'low']

const COMBINATIONS: readonly {
  code: ConsentWarning['code']
  risk: ConsentWarning['risk']
  traits: readonly Trait[]
  text: string
}[] = [
  {
    code: 'LEAK_BY_STRANGER',
    risk: 'high',
    traits: ['reads-private', 'takes-untrusted', 'sends-out'],
    text: 'It reads private data, takes in text written by strangers and can send data out. A stranger’s text could make it give away what it reads.',
  },
  {
    code: 'LEAK',
    risk: 'medium',
    traits: ['reads-private', 'sends-out'],
    text: 'It reads private data and can send data out. It could pass on what it reads.',
  },
  {
    code: 'STRANGER_RUNS_CODE',
    risk: 'high',
    traits: ['takes-untrusted', 'runs-code'],
    text: 'It takes in text written by strangers and runs programs with your rights. A stranger’s text could make it run something harmful.',
  },
]

/** The consent screen of a manifest's `declared` permissions, in normal form. */
export function consentScreen(declared: readonly Permission[], grammars: Grammars): ConsentScreen {
  const lines = [...new Set(declared)].map((permission) => ({ permission, ...consentTo(grammars, permission) }))
  lines.sort((a, b) => RISKS.indexOf(a.risk) - RISKS.indexOf(b.risk))
  return { lines, warnings: warningsOf(lines) }
}

function warningsOf(lines: readonly ConsentLine[]): ConsentWarning[] {
  const found = COMBINATIONS.filter(({ traits }) =>
    traits.every((trait) => lines.some((line) => line.traits.includes(trait))),
  )
  const worst = found.some(({ code }) => code === 'LEAK_BY_STRANGER')
    ? found.filter(({ code }) => code !== 'LEAK')
    : found
  return worst.map(({ traits, ...warning }) => ({
    ...warning,
    because: lines.filter((line) => line.traits.some((trait) => traits.includes(trait))).map((line) => line.permission),
  }))
}
