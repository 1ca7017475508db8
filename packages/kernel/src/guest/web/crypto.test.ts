import { webcrypto } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { runCrypto } from './crypto-host.ts'
import { sameAsNode, useRealm } from './same-as-node.ts'

const use = useRealm()
const HEX = `const hex = (b) => list(new Uint8Array(b)).map((x) => x.toString(16).padStart(2, '0')).join(''); const key = new Uint8Array(32).fill(7); const s = crypto.subtle;`

describe('crypto', () => {
  sameAsNode(use, [
    [
      'random values fill what they are given',
      `const a = crypto.getRandomValues(new Uint16Array(64)); return [a.length, new Set(a).size > 20, await name(() => crypto.getRandomValues(new Float32Array(1))), await name(() => crypto.getRandomValues(new Uint8Array(65537))), crypto.getRandomValues(new Uint8Array(65536)).length]`,
    ],
    [
      'UUIDs are of version 4',
      `const u = crypto.randomUUID(); return [/^[\\da-f]{8}-[\\da-f]{4}-4[\\da-f]{3}-[89ab][\\da-f]{3}-[\\da-f]{12}$/.test(u), u !== crypto.randomUUID()]`,
    ],
    [
      'digests',
      `${HEX} return Promise.all(['SHA-1', 'SHA-256', { name: 'sha-384' }, 'SHA-512'].map(async (a) => hex(await s.digest(a, utf8('abc'))))) `,
    ],
    [
      'HMAC',
      `${HEX} const k = await s.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, true, ['sign', 'verify']); const m = await s.sign('HMAC', k, utf8('m')); return [hex(m), await s.verify('HMAC', k, m, utf8('m')), await s.verify('HMAC', k, m, utf8('n')), k.type, k.algorithm, k.usages, k.extractable, hex(await s.exportKey('raw', k)), await s.exportKey('jwk', k)]`,
    ],
    [
      'AES-GCM',
      `${HEX} const k = await s.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']); const p = { name: 'AES-GCM', iv: new Uint8Array(12), additionalData: utf8('aad') }; const c = await s.encrypt(p, k, utf8('secret')); return [hex(c), new TextDecoder().decode(await s.decrypt(p, k, c)), await name(() => s.decrypt({ ...p, additionalData: utf8('no') }, k, c)), await name(() => s.exportKey('raw', k)), k.algorithm]`,
    ],
    [
      'Ed25519: fixed key',
      `${HEX} const d = '302e020100300506032b657004220420' + '07'.repeat(32); const k = await s.importKey('pkcs8', Uint8Array.from(d.match(/../g), (x) => parseInt(x, 16)), 'Ed25519', true, ['sign']); const j = await s.exportKey('jwk', k); const pub = await s.importKey('jwk', { kty: j.kty, crv: j.crv, x: j.x }, 'Ed25519', true, ['verify']); const sig = await s.sign('Ed25519', k, utf8('m')); return [hex(sig), await s.verify('Ed25519', pub, sig, utf8('m')), hex(await s.exportKey('raw', pub)), hex(await s.exportKey('spki', pub)), k.type, pub.type]`,
    ],
    [
      'keys are generated',
      `const s = crypto.subtle; const p = await s.generateKey('Ed25519', false, ['sign', 'verify']); const sig = await s.sign('Ed25519', p.privateKey, utf8('x')); const a = await s.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']); return [await s.verify('Ed25519', p.publicKey, sig, utf8('x')), p.privateKey.extractable, p.publicKey.extractable, p.privateKey.usages, p.publicKey.usages, a.algorithm, (await s.exportKey('raw', a)).byteLength]`,
    ],
    [
      'keys and bits are derived',
      `${HEX} const k = await s.importKey('raw', utf8('pw'), 'PBKDF2', false, ['deriveBits', 'deriveKey']); const p = { name: 'PBKDF2', salt: utf8('salt'), iterations: 1000, hash: 'SHA-256' }; const h = await s.importKey('raw', key, 'HKDF', false, ['deriveBits']); const d = await s.deriveKey(p, k, { name: 'AES-GCM', length: 256 }, true, ['encrypt']); return [hex(await s.deriveBits(p, k, 128)), hex(await s.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: key, info: utf8('i') }, h, 256)), hex(await s.exportKey('raw', d)), d.usages]`,
    ],
    [
      'X25519 agrees on both sides',
      `const s = crypto.subtle; const a = await s.generateKey('X25519', true, ['deriveBits']); const b = await s.generateKey('X25519', true, ['deriveBits']); const x = await s.deriveBits({ name: 'X25519', public: b.publicKey }, a.privateKey, 256); const y = await s.deriveBits({ name: 'X25519', public: a.publicKey }, b.privateKey, 256); return [String(list(new Uint8Array(x))) === String(list(new Uint8Array(y)))]`,
    ],
    [
      'ECDSA and RSA signatures verify',
      `const s = crypto.subtle; const e = await s.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']); const p = { name: 'ECDSA', hash: 'SHA-256' }; const r = await s.generateKey({ name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['sign', 'verify']); return [await s.verify(p, e.publicKey, await s.sign(p, e.privateKey, utf8('x')), utf8('x')), await s.verify('RSASSA-PKCS1-v1_5', r.publicKey, await s.sign('RSASSA-PKCS1-v1_5', r.privateKey, utf8('x')), utf8('x')), list(r.publicKey.algorithm.publicExponent), r.publicKey.algorithm.modulusLength]`,
    ],
    [
      'misuse has the standard’s names',
      `${HEX} const k = await s.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']); return Promise.all([() => s.verify('HMAC', k, key, key), () => s.sign('Ed25519', k, key), () => s.digest('MD5', key), () => s.digest('SHA-256', 'text'), () => s.importKey('raw', new Uint8Array(3), 'AES-GCM', false, ['encrypt']), () => new CryptoKey()].map(name))`,
    ],
    ['tags', `return [crypto, crypto.subtle].map((x) => Object.prototype.toString.call(x))`],
  ])

  const subtle = webcrypto as unknown as Crypto
  test('the host’s half refuses unknown operations and algorithms, and costs without bound', async () => {
    const derive = { algorithm: { name: 'PBKDF2', iterations: 1e9, salt: { $bytes: 0 }, hash: 'SHA-256' }, length: 8 }
    const generate = { algorithm: { name: 'RSA-PSS', modulusLength: 16_384 } }

    await expect(runCrypto(subtle, 'toString', '{}', [])).rejects.toThrow('no operation')
    await expect(
      runCrypto(subtle, 'digest', '{"algorithm":"MD5","bytes":{"$bytes":0}}', [new Uint8Array()]),
    ).rejects.toThrow('not offered')
    await expect(runCrypto(subtle, 'deriveBits', JSON.stringify(derive), [new Uint8Array(8)])).rejects.toThrow(
      'at most',
    )
    await expect(runCrypto(subtle, 'generateKey', JSON.stringify(generate), [])).rejects.toThrow('at most')
    await expect(runCrypto(subtle, 'digest', '{"algorithm":"SHA-1","bytes":{"$bytes":3}}', [])).rejects.toThrow(
      'missing',
    )
  })
})
