import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { callerOf, placeIn, temporaryFolder } from '../capability-testing.ts'
import { coversSecrets, isSecretName, parseSecrets } from './grammar.ts'
import { createKeyFile, createPassphraseKey } from './key.ts'
import { createSecretsCapability } from './secrets.ts'
import { openSecrets, SHARED } from './vault.ts'

const QUICK = 4 // log2 of scrypt's N; the real cost is for real passphrases

function openIn(folder: string, passphrase = 'correct horse') {
  return openSecrets({ file: join(folder, 'data/secrets.json'), key: createPassphraseKey(passphrase, QUICK) })
}

describe('the vault', () => {
  test('N4: values are not on disk in plain, the file is for the user alone, and they come back after a restart', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'data/secrets.json')
    await openIn(folder.path).set('telegram', 'bot.token', 'hunter2-sécret')

    const again = openIn(folder.path)

    expect(await again.get('telegram', 'bot.token')).toBe('hunter2-sécret')
    expect(readFileSync(file, 'utf8')).not.toMatch(/hunter2|aHVudGVy|correct horse/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(folder.path, 'data'))).toEqual(['secrets.json'])
  })

  test('a wrong passphrase is told, and neither reads nor overwrites', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'data/secrets.json')
    await openIn(folder.path).set('a', 'k', 'v')
    const before = readFileSync(file, 'utf8')

    const wrong = openIn(folder.path, 'wrong horse')

    await expect(wrong.get('a', 'k')).rejects.toMatchObject({ code: 'SECRETS_WRONG_KEY' })
    await expect(wrong.set('a', 'k', 'w')).rejects.toMatchObject({ code: 'SECRETS_WRONG_KEY' })
    expect(readFileSync(file, 'utf8')).toBe(before)
  })

  test('a value moved to another name or owner does not open', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'data/secrets.json')
    const secrets = openIn(folder.path)
    await secrets.set('bank', 'pin', '1234')
    const vault = JSON.parse(readFileSync(file, 'utf8'))
    vault.values.evil = { pin: vault.values.bank.pin, other: vault.values.bank.pin }
    writeFileSync(file, JSON.stringify(vault))

    await expect(secrets.get('evil', 'pin')).rejects.toMatchObject({ code: 'SECRETS_TAMPERED' })
    await expect(secrets.get('evil', 'other')).rejects.toMatchObject({ code: 'SECRETS_TAMPERED' })
    expect(await secrets.get('bank', 'pin')).toBe('1234')
  })

  test('a damaged file is refused and left as it is, and its text is in no error', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'data/secrets.json')
    const secrets = openIn(folder.path)
    await secrets.set('a', 'k', 'v')
    for (const text of ['', 'topsecret{', '{}', '[]', '{"format":"pryx-secrets-1"}']) {
      writeFileSync(file, text)

      const refused = await secrets.set('a', 'k', 'w').catch((error) => error)

      expect(refused).toMatchObject({ code: 'SECRETS_CORRUPT', details: { file } })
      expect(refused.message).not.toContain('topsecret')
      expect(readFileSync(file, 'utf8')).toBe(text)
    }
    expect(await secrets.setAside()).toBe(`${file}.aside-1`)
    await secrets.set('a', 'k', 'new')
    expect(await secrets.get('a', 'k')).toBe('new')
  })

  test('a key file is made once, for the user alone, and its loss is told instead of papered over', async () => {
    using folder = temporaryFolder()
    const keyFile = join(folder.path, 'config/pryx/secrets.key')
    const open = () => openSecrets({ file: join(folder.path, 'secrets.json'), key: createKeyFile(keyFile) })
    await open().set('a', 'k', 'v')

    expect(statSync(keyFile).mode & 0o777).toBe(0o600)
    expect(await open().get('a', 'k')).toBe('v')
    chmodSync(keyFile, 0o644)
    await expect(open().get('a', 'k')).rejects.toMatchObject({
      code: 'SECRETS_KEY_INVALID',
      hint: `Run: chmod 600 ${keyFile}`,
    })
    chmodSync(keyFile, 0o600)
    writeFileSync(keyFile, `${'0'.repeat(64)}\n`)
    await expect(open().get('a', 'k')).rejects.toMatchObject({ code: 'SECRETS_WRONG_KEY' })
    await import('node:fs/promises').then(({ rm }) => rm(keyFile))
    await expect(open().get('a', 'k')).rejects.toMatchObject({ code: 'SECRETS_KEY_MISSING' })
    expect(existsSync(keyFile)).toBe(false)
  })

  test('writers side by side lose nothing of each other', async () => {
    using folder = temporaryFolder()
    const [one, two] = [openIn(folder.path), openIn(folder.path)]

    await Promise.all([1, 2, 3, 4, 5].flatMap((n) => [one.set('a', `one${n}`, 'x'), two.set('a', `two${n}`, 'x')]))

    expect(await one.list('a')).toHaveLength(10)
  })

  test('a new passphrase opens what the old one sealed', async () => {
    using folder = temporaryFolder()
    const secrets = openIn(folder.path)
    await secrets.set('a', 'k', 'v')

    await secrets.rekey(createPassphraseKey('new', QUICK))

    expect(await secrets.get('a', 'k')).toBe('v')
    expect(await openIn(folder.path, 'new').get('a', 'k')).toBe('v')
    await expect(openIn(folder.path).get('a', 'k')).rejects.toMatchObject({ code: 'SECRETS_WRONG_KEY' })
  })

  test('limits are told without the value', async () => {
    using folder = temporaryFolder()
    const secrets = openIn(folder.path)

    const refused = await secrets.set('a', 'k', 'topsecret'.repeat(10_000)).catch((error) => error)

    expect(refused).toMatchObject({ code: 'SECRETS_TOO_BIG' })
    expect(JSON.stringify(refused)).not.toContain('topsecret')
    await expect(secrets.set('a', '../x', 'v')).rejects.toMatchObject({ code: 'SECRETS_NAME' })
    expect(await secrets.get('__proto__', 'constructor')).toBeUndefined()
  })
})

describe('the capability', () => {
  test('K4: a plugin reads its own and the shared names, and writes only its own', async () => {
    using folder = temporaryFolder()
    const secrets = openIn(folder.path)
    const capability = createSecretsCapability(secrets)
    const [one, two] = ['one', 'two'].map((plugin) => callerOf(capability, placeIn(folder.path, plugin)))
    await secrets.set(SHARED, 'api.key', 'shared')

    await one?.('set', ['api.key', 'mine'])
    await one?.('set', ['own', 'x'])

    expect(await one?.('get', ['api.key'])).toBe('mine')
    expect(await two?.('get', ['api.key'])).toBe('shared')
    expect(await two?.('has', ['own'])).toBe(false)
    expect(await one?.('list', [])).toEqual(['api.key', 'own'])
    expect(await one?.('delete', ['own'])).toBe(true)
    expect(await one?.('delete', ['own'])).toBe(false)
    expect(await secrets.get(SHARED, 'api.key')).toBe('shared')
  })

  test('K8: the audit log gets the name and never the value', () => {
    using folder = temporaryFolder()
    const { methods } = createSecretsCapability(openIn(folder.path))

    expect(methods.set?.redact?.(['k', 'topsecret'] as never)).toBe('k')
  })

  test('K4: a permission covers the names it says and no others', () => {
    expect(coversSecrets('telegram.*', 'telegram.token')).toBe(true)
    expect(coversSecrets('telegram.*', 'telegram')).toBe(false)
    expect(coversSecrets('telegram.*', 'telegramx.token')).toBe(false)
    expect(coversSecrets('telegram.token', 'telegram.*')).toBe(false)
    for (const bad of ['', '.', 'a..b', '*.token', 'a*', 'a b', '../x', 'a.*.b', '$x']) {
      expect(() => parseSecrets(bad), bad).toThrow(/does not name a secret/)
    }
  })

  test('K4: covering is transitive, and what parses covers itself', () => {
    const word = fc.stringMatching(/^[a-c]{1,2}$/)
    const rest = fc.oneof(
      fc.constant('*'),
      fc
        .tuple(fc.array(word, { minLength: 1, maxLength: 3 }), fc.boolean())
        .map(([words, wild]) => words.join('.') + (wild ? '.*' : '')),
    )
    fc.assert(
      fc.property(rest, rest, rest, (a, b, c) => {
        expect(coversSecrets(parseSecrets(a), a)).toBe(true)
        if (coversSecrets(a, b) && coversSecrets(b, c)) expect(coversSecrets(a, c)).toBe(true)
        if (isSecretName(a)) expect(coversSecrets(a, b)).toBe(a === b)
      }),
    )
  })
})
