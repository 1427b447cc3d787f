import { expect, test } from 'vitest'

import { formatAge, formatDuration, formatElapsed, formatMoment, parseMoment } from './time'

const WORDS = { second: 's', minute: 'min', hour: 'h', day: 'd' }

test.each([
  [0, '0 s'],
  [59.4, '59 s'],
  [61, '1 min 1 s'],
  [120, '2 min'],
  [86_400 * 12 + 3_600 * 5 + 59, '12 d 5 h'],
  [86_400 + 59, '1 d'],
  [-5, '0 s'],
])('a duration of %s s is written %s', (seconds, text) => {
  expect(formatDuration(seconds, WORDS)).toBe(text)
})

test.each([
  [4, '4 s'],
  [119, '1 min'],
  [7_600, '2 h'],
  [200_000, '2 d'],
])('%s s ago is written %s', (seconds, text) => {
  expect(formatAge(seconds, WORDS)).toBe(text)
})

test.each([
  [0.0004, '0.4 ms'],
  [0.0123, '12 ms'],
  [1.5, '1.50 s'],
])('a scrape of %s s took %s', (seconds, text) => {
  expect(formatElapsed(seconds)).toBe(text)
})

test('a moment is read with the nanoseconds Go writes, and the year 1 is never', () => {
  expect(parseMoment('2023-11-14T22:13:20.123456789Z')).toBe(1_700_000_000_123)
  expect(parseMoment('0001-01-01T00:00:00Z')).toBeNaN()
  expect(parseMoment('')).toBeNaN()
  expect(formatMoment(Number.NaN)).toBe('–')
})
