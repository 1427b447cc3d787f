import { expect, test } from 'vitest'

import { formatBytes, formatPercent, formatTick, formatValue } from './number'

test.each([
  [22.44, '22.4'],
  [0, '0.0'],
  [99.94, '99.9'],
  [99.96, '100'],
  [null, '–'],
  [Number.NaN, '–'],
])('%s percent is written %s', (percent, text) => {
  expect(formatPercent(percent)).toBe(text)
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1023, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [1024 ** 2 * 999.96, '1.0 GiB'],
  [33_501_757_440, '31.2 GiB'],
  [1024 ** 3 * 983, '983 GiB'],
  [-2048, '-2.0 KiB'],
  [null, '–'],
  [Number.POSITIVE_INFINITY, '–'],
])('%s bytes are written %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test.each([
  [92.16666666666667, '92.17'],
  [1, '1'],
  [123456, '123456'],
  [1234567.8, '1234570'],
  [25_000_000, '2.50e+7'],
  [0.00001, '1.00e-5'],
  [Number.NaN, 'NaN'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
])('the value %s is written %s', (value, text) => {
  expect(formatValue(value)).toBe(text)
})

test.each([
  [0, 0.5, '0'],
  [1.5, 0.5, '1.5'],
  [0.25, 0.05, '0.25'],
  [2_500_000, 500_000, '2.5M'],
  [1_700_000_250, 250, '1.70000025G'],
  [-1_500, 500, '-1.5k'],
])('a tick at %s, its neighbours %s away, is written %s', (value, interval, text) => {
  expect(formatTick(value, interval)).toBe(text)
})
