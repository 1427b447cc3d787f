import { expect, test } from 'vitest'

import { bandsOf, daySpanOf, marketOf } from './bands'

test.each([
  [[], ''],
  [[{ job: 'node' }], ''],
  [[{ exchange: 'SHFE', product: 'au' }, { exchange: 'SHFE', product: 'au', gateway: '1' }], 'SHFE.au'],
  [[{ exchange: 'SSE' }], 'SSE'],
  [[{ exchange: 'SHFE', product: 'au' }, { exchange: 'SHFE', product: 'rb' }], ''],
  [[{ exchange: 'SHFE', product: 'au' }, { job: 'node' }], ''],
])('series %j are about the market "%s"', (sets, market) => {
  expect(marketOf(sets)).toBe(market)
})

test('the same days are asked for while a chart moves on, and too many are not', () => {
  const noonMs = Date.UTC(2026, 10, 21, 12)
  const days = { startS: Date.UTC(2026, 10, 21) / 1000, endS: Date.UTC(2026, 10, 22) / 1000 }
  expect(daySpanOf(noonMs - 3_600_000, noonMs)).toEqual(days)
  expect(daySpanOf(noonMs - 3_000_000, noonMs + 600_000)).toEqual(days)
  expect(daySpanOf(0, noonMs)).toBeNull()
})

test('sessions are cut to what is shown', () => {
  const session = (open_ms: number, close_ms: number, night = false) => ({ open_ms, close_ms, night, trading_day: '' })
  expect(bandsOf([session(0, 100), session(50, 150, true), session(180, 300), session(200, 300)], 100, 200)).toEqual([
    { fromMs: 100, untilMs: 150, night: true },
    { fromMs: 180, untilMs: 200, night: false },
  ])
})
