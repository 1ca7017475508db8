import { describe, expect, test } from 'vitest'
import type { Capability, Consent } from '../contract/index.ts'
import { consentScreen } from './consent.ts'
import { covers, createGrammars, normalPermission } from './grammar.ts'

const place = { plugin: 'notes', workspace: '/w', data: '/d', package: '/p' }

function capability(name: string, traits: Consent['traits'] = [], risk: Consent['risk'] = 'medium'): Capability {
  return {
    name,
    version: '1.0.0',
    summary: name,
    parse: (rest) => rest.replace('${workspace}', '/w'),
    covers: (granted, wanted) => granted === wanted,
    consent: (rest) => ({ text: `use ${name} ${rest}`, risk, traits }),
    methods: {},
  }
}

const grammars = createGrammars([
  capability('fs', ['reads-private']),
  capability('inbox', ['takes-untrusted'], 'low'),
  capability('net', ['sends-out'], 'high'),
])

describe('grammars', () => {
  test.each([
    ['service:notes', 'service:notes', true],
    ['service:notes', 'service:notes.other', false],
    ['events:on:task.*', 'events:on:task.done', true],
    ['events:on:task.*', 'events:emit:task.done', false],
    ['events:on:task.*', 'events:on:**', false],
    ['tools:*', 'tools:weather.now', true],
    ['tools:weather.now', 'tools:*', false],
    ['hooks:before:tool.call', 'hooks:after:tool.call', false],
    ['fs:/a', 'net:/a', false],
    ['nothing:a', 'nothing:a', false],
  ])('K4: a grant of %s for %s: %s', (granted, wanted, expected) => {
    expect(covers(grammars, granted, wanted)).toBe(expected)
  })

  test.each(['service:Bad Name', 'events:task.*', 'events:hear:task.*', 'hooks:tool.call', 'tools:', 'nothing:a'])(
    'K4: %s is refused with what to write instead',
    (permission) => {
      expect(() => normalPermission(grammars, permission, place)).toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/^PERMISSION_(INVALID|UNKNOWN)$/),
          hint: expect.any(String),
        }),
      )
    },
  )

  test('K4: variables are filled in by the capability', () => {
    expect(normalPermission(grammars, 'fs:${workspace}/a', place)).toBe('fs:/w/a')
  })

  test('K4: no capability may take a name of the kernel’s, or of another', () => {
    expect(() => createGrammars([capability('events')])).toThrow(
      expect.objectContaining({ code: 'USAGE_CAPABILITY_TAKEN' }),
    )
    expect(() => createGrammars([capability('a'), capability('a')])).toThrow(/already/)
  })
})

describe('the consent screen', () => {
  test('K4: lists what is asked for, riskiest first, in plain words', () => {
    const { lines } = consentScreen(['inbox', 'net:a.example', 'service:notes', 'gone:x'], grammars)

    expect(lines.map((line) => line.text)).toEqual([
      'use net a.example',
      'use inbox ',
      'use the service "notes" of another plugin',
      'use "gone", which this host does not offer',
    ])
  })

  test('K4: warns of what is worse together, and says which permissions make it', () => {
    expect(consentScreen(['fs:/a', 'inbox'], grammars).warnings).toEqual([])
    expect(consentScreen(['fs:/a', 'net:b'], grammars).warnings).toMatchObject([{ code: 'LEAK', risk: 'medium' }])
    expect(consentScreen(['fs:/a', 'net:b', 'inbox', 'service:c'], grammars).warnings).toMatchObject([
      { code: 'LEAK_BY_STRANGER', risk: 'high', because: ['net:b', 'fs:/a', 'inbox'] },
    ])
    expect(consentScreen(['tools:*', 'inbox'], grammars).warnings.map((warning) => warning.code)).toEqual([
      'LEAK_BY_STRANGER',
      'STRANGER_RUNS_CODE',
    ])
  })
})
