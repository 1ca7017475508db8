import { describe } from 'vitest'
import { sameAsNode, useRealm } from './same-as-node.ts'

const use = useRealm()
const PARTS = `'href origin protocol username password host hostname port pathname search hash'.split(' ')`

describe('URL', () => {
  sameAsNode(use, [
    [
      'all parts are read',
      `const u = new URL('https://ann:s%20x@Example.COM:8443/a/../b c?q=1#top'); return ${PARTS}.map((p) => u[p])`,
    ],
    [
      'a base is resolved against',
      `return ['../x', '//h/y', '?q', '#f', 'mailto:a@b'].map((u) => new URL(u, 'https://a.b/c/d/e?f').href)`,
    ],
    [
      'a URL serves as base and as input',
      `const b = new URL('http://a/b/c'); return [new URL('d', b).href, new URL(b).href, String(b), JSON.stringify({ b })]`,
    ],
    [
      'what is no URL throws TypeError, canParse and parse say so softly',
      `return [await name(() => new URL('nope')), await name(() => new URL('http://')), await name(() => URL('http://a')), URL.canParse('x', 'http://a'), URL.canParse('x'), URL.parse('x'), URL.parse('x', 'http://a').href]`,
    ],
    [
      'setters obey the parser',
      `const u = new URL('http://a.b:80/c'); u.port = '8080'; u.protocol = 'https'; u.hostname = 'x.y'; u.pathname = 'p q'; u.hash = 'h'; u.search = '?a=b c'; u.username = 'u:'; u.password = 'p@';
       const one = u.href; u.port = ''; u.hash = ''; u.search = ''; u.protocol = 'javascript'; return [one, u.href]`,
    ],
    [
      'setting href parses anew or throws',
      `const u = new URL('http://a/'); u.href = 'https://b/c?d'; return [u.searchParams.toString(), await name(() => { u.href = 'x' }), u.href]`,
    ],
    [
      'searchParams and search follow each other',
      `const u = new URL('http://a/?x=1&y=2'); const p = u.searchParams; p.append('z', 'ä ö'); p.delete('x'); const one = u.href; u.search = '?n=1'; const two = [...p]; p.delete('n'); return [one, two, u.href, p === u.searchParams]`,
    ],
    ['lone surrogates are replaced', `return new URL('http://a/\\ud800?\\udfff').href`],
    [
      'IDN and IPv4 and IPv6 hosts',
      `return ['http://bücher.de', 'http://0x7f.1', 'http://[::1]:3', 'http://EXAMPLE.com.'].map((u) => new URL(u).host)`,
    ],
    [
      'it is tagged and named',
      `return [Object.prototype.toString.call(new URL('a:b')), URL.name, Object.keys(globalThis).includes('URL')]`,
    ],
  ])
})

describe('URLSearchParams', () => {
  sameAsNode(use, [
    [
      'it reads strings, pairs, records, iterables and itself',
      `return ['?a=1&b=2&a=3', 'a', '=x&&y=', [['a', 'b'], ['c', 'd']], { a: 1, b: null }, new Map([['k', 'v']]), new URLSearchParams('q=1'), undefined].map((i) => new URLSearchParams(i).toString())`,
    ],
    [
      'escapes',
      `return [new URLSearchParams({ "a b!'()~*-._": 'ä€😀&=+%#' }).toString(), ...new URLSearchParams('a=%41+%C3%A4%zz%&%FF=%E2%82').entries()]`,
    ],
    [
      'all methods',
      `const p = new URLSearchParams('b=2&a=1&b=3&c=%2B'); p.append('a', 'x'); p.set('b', '9'); return [p.get('a'), p.getAll('a'), p.has('a', 'x'), p.has('a', 'y'), p.has('zz'), p.size, p.get('no'), list(p.keys()), list(p.values()), (p.delete('a', '1'), String(p)), (p.sort(), String(p))]`,
    ],
    [
      'sorting is stable and by code unit',
      `const p = new URLSearchParams('z=1&ﬃ=2&🌈=3&a=1&z=0&a=0'); p.sort(); return [...p]`,
    ],
    [
      'forEach passes value, name and itself',
      `const out = []; const p = new URLSearchParams('a=1&b=2'); p.forEach(function (v, k, q) { out.push([v, k, q === p, this.x]) }, { x: 5 }); return out`,
    ],
    [
      'iterating is live',
      `const p = new URLSearchParams('a=1&b=2'); const out = []; for (const [k] of p) { out.push(k); if (k === 'a') p.append('c', '3') } return out`,
    ],
    [
      'bad pairs are refused',
      `return [await name(() => new URLSearchParams([['a']])), await name(() => new URLSearchParams([1]))]`,
    ],
    [
      'tags',
      `return [String(Object.prototype.toString.call(new URLSearchParams())), Object.prototype.toString.call(new URLSearchParams().entries())]`,
    ],
  ])
})

describe('URLPattern', () => {
  sameAsNode(use, [
    [
      'groups, wildcards and test',
      `const p = new URLPattern({ pathname: '/users/:id/*' }); const m = p.exec('https://a.b/users/7/x/y'); return [m.pathname.groups, p.test('https://a.b/nope'), p.pathname]`,
    ],
    [
      'a base and hosts',
      `return [new URLPattern('/a/:b', 'https://x.y').test('https://x.y/a/c'), new URLPattern({ hostname: '*.x.y' }).test('https://q.x.y/z')]`,
    ],
  ])
})
