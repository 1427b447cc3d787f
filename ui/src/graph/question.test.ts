import { expect, test } from 'vitest'

import { parseRange, queryOf, questionOf, stepOf } from './question'

test.each([
  ['15m', 900],
  ['24h', 86_400],
  ['1d12h', 129_600],
  ['1500ms', 1.5],
  ['', null],
  ['0s', null],
  ['5', null],
  ['1h1d', null],
  ['-1h', null],
])('the range %s is %s seconds', (text, seconds) => {
  expect(parseRange(text)).toBe(seconds)
})

test('the links of notices and alerts are read', () => {
  expect(questionOf({ 'g0.expr': 'rate(x[5m])', 'g0.tab': '0' })).toEqual({
    expr: 'rate(x[5m])',
    tab: 'chart',
    range: '1h',
  })
  expect(questionOf({ 'g0.expr': 'up', 'g0.tab': '1', 'g0.range_input': '2d' })).toEqual({
    expr: 'up',
    tab: 'table',
    range: '2d',
  })
})

test('an address that says nothing, nonsense or everything twice is read all the same', () => {
  expect(questionOf({})).toEqual({ expr: '', tab: 'chart', range: '1h' })
  expect(questionOf({ 'g0.expr': ['a', 'b'], 'g0.tab': null, 'g0.range_input': 'soon' })).toEqual({
    expr: 'a',
    tab: 'chart',
    range: '1h',
  })
})

test('what is written is read again', () => {
  const question = { expr: 'a ==\n bool "ü+&"', tab: 'table', range: '6h' } as const
  expect(questionOf(queryOf(question) as Record<string, string>)).toEqual(question)
})

test('a chart has at most some 240 points, a second apart at least', () => {
  expect([60, 900, 3_600, 86_400].map(stepOf)).toEqual([1, 4, 15, 360])
})
