import { expect, test } from 'vitest'

import { align, combine, gridOf, isEmpty, latest, spanUntil, sum } from './grid'

const GRID = { startMs: 1_000_000, stepMs: 15_000, count: 5 }

test('a span ends on a step of its phase, not later than now, and covers its range', () => {
  const span = spanUntil(1_700_000_012_345, 3_600, 15, 1_700_000_012)
  expect(span).toEqual({ startS: 1_699_996_412, endS: 1_700_000_012, stepS: 15 })
  expect(gridOf(span)).toEqual({ startMs: 1_699_996_412_000, stepMs: 15_000, count: 241 })
  expect(spanUntil(1_700_000_026_999, 3_600, 15, 1_700_000_012).endS).toBe(1_700_000_012)
  expect(spanUntil(1_700_000_027_300, 3_600, 15, 1_700_000_012).endS).toBe(1_700_000_027)
  expect(spanUntil(1_700_000_000_000, 3_600, 15, 1_700_000_012).endS).toBe(1_699_999_997)
})

test('samples fall on their steps; what is absent, outside or no number stays absent', () => {
  const row = align(
    [
      [985, 9],
      [1000, 1],
      [1030, 0],
      [1045, Number.NaN],
      [1060, 5],
      [1075, 6],
    ],
    GRID,
  )
  expect(row).toEqual([1, null, 0, null, 5])
})

test('now is the newest value, unless it is an outage old', () => {
  expect(latest([1, 2, 3, null, null])).toBe(3)
  expect(latest([1, 2, null, null, null, null])).toBeNull()
  expect(latest([0])).toBe(0)
  expect(latest([])).toBeNull()
})

test('combined rows are absent where either is, summed rows where all are', () => {
  expect(combine([1, null, 3], [4, 5, null], (left, right) => left - right)).toEqual([-3, null, null])
  expect(
    sum(
      [
        [1, null, null],
        [2, 3, null],
      ],
      3,
    ),
  ).toEqual([3, 3, null])
  expect(isEmpty([null, null])).toBe(true)
  expect(isEmpty([null, 0])).toBe(false)
})
