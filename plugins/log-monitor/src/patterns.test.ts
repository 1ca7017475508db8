import { expect, test } from 'vitest'
import { compilePattern, DEFAULT_PATTERNS } from './patterns.ts'

const defaults = DEFAULT_PATTERNS.map(compilePattern)
const nameOf = (line: string) => defaults.find((pattern) => pattern.matches(line))?.name

test.each([
  ['2026-11-22 10:00:01 ERROR [main] c.e.Orders - could not charge card', 'error'],
  ['{"level":"error","msg":"connect ECONNREFUSED"}', 'error'],
  ['{"level":50,"time":1700000000000,"msg":"boom"}', 'error'],
  ['time="2026-11-22" level=error msg="pull failed"', 'error'],
  ['2026/11/22 10:00:01 [error] 31#31: *1 open() failed', 'error'],
  ['java.lang.IllegalStateException: no session', 'exception'],
  ["TypeError: Cannot read properties of undefined (reading 'x')", 'exception'],
  ['Traceback (most recent call last):', 'traceback'],
  ['panic: runtime error: index out of range [5] with length 3', 'panic'],
  ["thread 'main' panicked at src/main.rs:4:5:", 'panic'],
  ['FATAL:  password authentication failed for user "app"', 'fatal'],
  ['Out of memory: Killed process 4242 (node) total-vm:1kB', 'out-of-memory'],
  ['FATAL ERROR: JavaScript heap out of memory', 'out-of-memory'],
  ['app[17]: segfault at 0 ip 00007f sp 00007f error 4', 'segfault'],
  ['10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 502 157 "-" "curl"', 'http-5xx'],
  ['upstream answered HTTP/1.1 503 Service Unavailable', 'http-5xx'],
  ['{"method":"GET","status":500,"ms":12}', 'http-5xx'],
])('S6: the default patterns recognise %s', (line, name) => {
  expect(nameOf(line)).toBe(name)
})

test.each([
  '2026-11-22 10:00:01 INFO finished with 0 errors',
  '10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 200 5021 "-" "curl"',
  '{"level":"info","msg":"took 500 ms"}',
  'debug: retrying without error handler',
  'listening on port 5000',
])('S6: the default patterns leave %s alone', (line) => {
  expect(nameOf(line)).toBeUndefined()
})

test.each([
  '(a+)+$',
  '(a|aa)+$',
  '(.*)*x',
  '((ab)*c)*',
  '(?:a{1,50}){20}',
  '(x)\\1',
  'a.*b.*c.*d',
  '(?<n>a)\\k<n>',
  '(',
])('S6: a regex that might not end is refused: %s', (regex) => {
  expect(() => compilePattern({ name: 'mine', regex })).toThrowError(expect.objectContaining({ code: 'ALERT_PATTERN' }))
})

test.each([
  'timeout after \\d+ ms',
  '(?:\\d{1,3}\\.){3}\\d{1,3}',
  '[(+*]{2}',
  '(?:foo|bar)?baz',
  'a\\+\\+b',
  '^\\s*at .+',
])('S6: an ordinary regex is accepted: %s', (regex) => {
  expect(() => compilePattern({ name: 'mine', regex })).not.toThrow()
})

test('S6: the worst regexes that are accepted stay quick on the worst lines', () => {
  const lines = ['a', 'ab', 'b '].map((part) => part.repeat(8_192).slice(0, 8_192))
  for (const regex of ['a*b*c', '[ab]+c', '[ab ]+[ab ]+c', '.*.*=']) {
    const pattern = compilePattern({ name: 'mine', regex })
    const before = performance.now()
    for (const line of lines) pattern.matches(line)
    expect([regex, performance.now() - before < 600]).toEqual([regex, true])
  }
})
