import { beforeEach, expect, test } from 'vitest'
import { lendHost, type WebHost } from './host.ts'
import { clearTimeout, fireTimer, setInterval, setTimeout } from './timers.ts'

let started: [id: number, ms: number][]
let stopped: number[]
let room: boolean

beforeEach(() => {
  started = []
  stopped = []
  room = true
  const startTimer = (id: number, ms: number) => room && started.push([id, ms])
  lendHost({
    startTimer,
    stopTimer: (id: number) => stopped.push(id),
    now: () => 0,
    log: () => {},
  } as Partial<WebHost> as WebHost)
})

test('a timer fires once, and its host is told to stop only what still runs', () => {
  let fired = 0
  const id = setTimeout(() => fired++, 10)

  fireTimer(id)
  fireTimer(id)
  clearTimeout(id)

  expect([fired, stopped]).toEqual([1, []])
})

test('a chain of zero delays slows down to 4 ms from the fifth timer on', () => {
  const chain = () => void setTimeout(chain, 0)
  chain()

  for (let i = 0; i < 7; i++) fireTimer(started.at(-1)![0])

  expect(started.map(([, ms]) => ms)).toEqual([0, 0, 0, 0, 0, 4, 4, 4])
})

test('an interval starts anew after each turn, keeps its id and may end itself', () => {
  let turns = 0
  const id = setInterval(() => ++turns === 2 && clearTimeout(id), 7)

  for (let i = 0; i < 3; i++) fireTimer(id)

  expect(turns).toBe(2)
  expect(started).toEqual([
    [id, 7],
    [id, 7],
  ])
})

test('delays that make no sense are 0', () => {
  for (const ms of [-5, Number.NaN, 'x', 2 ** 40, undefined, null, '12']) setTimeout(() => {}, ms)

  expect(started.map(([, ms]) => ms)).toEqual([0, 0, 0, 0, 0, 0, 12])
})

test('a host without room for more refuses with QuotaExceededError', () => {
  room = false

  expect(() => setTimeout(() => {}, 1)).toThrow(expect.objectContaining({ name: 'QuotaExceededError' }))
})
