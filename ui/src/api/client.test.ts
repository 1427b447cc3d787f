import { expect, test } from 'vitest'

import { clockOffsetMs, errorOf } from './client'
import { instantRows, parseValue } from './prometheus'

test('every shape of error is read, and none at all', () => {
  const own = errorOf(429, { error: { code: 'too_many', message: 'too many attempts', remedy: 'wait' } })
  expect([own.status, own.code, own.message, own.remedy]).toEqual([429, 'too_many', 'too many attempts', 'wait'])
  const prometheus = errorOf(400, { status: 'error', errorType: 'bad_data', error: 'parse error' })
  expect([prometheus.code, prometheus.message]).toEqual(['bad_data', 'parse error'])
  expect(errorOf(400, 'end time is in the past').message).toBe('end time is in the past')
  expect(errorOf(422, { code: 602, message: 'comment in body is required' }).message).toBe('comment in body is required')
  expect(errorOf(502, null).message).toBe('HTTP 502')
})

test("the server's clock is followed when ours is off, and small differences are the network's", () => {
  const nowMs = Date.parse('2023-11-14T22:13:20Z')
  expect(clockOffsetMs('Tue, 14 Nov 2023 22:23:20 GMT', nowMs)).toBe(600_000)
  expect(clockOffsetMs('Tue, 14 Nov 2023 22:13:18 GMT', nowMs)).toBe(0)
  expect(clockOffsetMs(null, nowMs)).toBe(0)
  expect(clockOffsetMs('no date', nowMs)).toBe(0)
})

test.each([
  ['1.5', 1.5],
  ['+Inf', Number.POSITIVE_INFINITY],
  ['-Inf', Number.NEGATIVE_INFINITY],
  ['NaN', Number.NaN],
  ['9.2e+01', 92],
])('the value %s is read', (text, value) => {
  expect(parseValue(text)).toBe(value)
})

test('every shape of an instant result becomes rows', () => {
  const metric = { job: 'node' }
  expect(instantRows({ resultType: 'vector', result: [{ metric, value: [1, '2'] }] })).toEqual([
    { labels: metric, samples: [[1, '2']] },
  ])
  expect(instantRows({ resultType: 'matrix', result: [{ metric, values: [[1, '2'], [3, 'NaN']] }] })).toEqual([
    { labels: metric, samples: [[1, '2'], [3, 'NaN']] },
  ])
  expect(instantRows({ resultType: 'string', result: [1, 'text'] })).toEqual([{ labels: null, samples: [[1, 'text']] }])
})
