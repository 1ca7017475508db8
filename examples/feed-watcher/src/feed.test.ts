import { expect, test } from 'vitest'
import { parseFeed } from './feed.ts'

test('an RSS item without a guid is known by its link', () => {
  const text = '<rss><channel><item><title> A &amp; B </title><link>https://example.com/a</link></item></channel></rss>'
  expect(parseFeed(text)).toEqual([{ id: 'https://example.com/a', title: 'A & B', link: 'https://example.com/a' }])
})

test('of the links of an Atom entry, the page is taken', () => {
  const text = `<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:1</id><title type="text">One</title>
    <link rel="self" href="https://example.com/1.atom"/><link href="https://example.com/1"/></entry></feed>`
  expect(parseFeed(text)).toEqual([{ id: 'urn:1', title: 'One', link: 'https://example.com/1' }])
})

test('a link that is no web address is left out, the entry is not', () => {
  const text =
    '<rss><channel><item><guid>1</guid><title>x</title><link>javascript:alert(1)</link></item></channel></rss>'
  expect(parseFeed(text)).toEqual([{ id: '1', title: 'x', link: '' }])
})

test('what is no feed is refused', () => {
  expect(() => parseFeed('<html></html>')).toThrow('no RSS or Atom feed')
})
