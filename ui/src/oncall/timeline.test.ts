import { expect, test } from 'vitest'

import type { Shift } from '@/api/oncall'

import { barsOf, dayStart, daysOf, shiftAt, swappable, toneOf } from './timeline'

const shift = (start_ms: number, end_ms: number, person: string | null = 'li'): Shift => ({
  start_ms,
  end_ms,
  person,
  layer: 0,
  override: null,
})

test('shifts are cut to what is shown, and those outside are left out', () => {
  const shifts = [shift(0, 100), shift(50, 150), shift(150, 175, null), shift(175, 900), shift(200, 300)]
  expect(barsOf(shifts, 100, 200).map(({ left, width }) => [left, width])).toEqual([
    [0, 50],
    [50, 25],
    [75, 25],
  ])
})

test('days begin at midnight, and weekends are known', () => {
  const friday = new Date(2026, 10, 20, 13, 30).getTime()
  const startMs = dayStart(friday)
  const days = daysOf(startMs, dayStart(friday, 4))
  expect(days.map((day) => new Date(day.startMs).getDate())).toEqual([20, 21, 22, 23])
  expect(days.map((day) => day.weekend)).toEqual([false, true, true, false])
  expect(days.map((day) => Math.round(day.left))).toEqual([0, 25, 50, 75])
})

test('who is on at a moment: the beginning belongs to a shift, the end does not', () => {
  const shifts = [shift(0, 10, 'li'), shift(10, 20, null)]
  expect(shiftAt(shifts, 9)?.person).toBe('li')
  expect(shiftAt(shifts, 10)?.person).toBeNull()
  expect(shiftAt(shifts, 20)).toBeNull()
})

test('gaps and what is over change no hands', () => {
  const [past, gap, now, later] = [shift(0, 10), shift(10, 20, null), shift(20, 40), shift(40, 50)] as const
  expect(swappable([past, gap, now, later], 30)).toEqual([now, later])
})

test('people have colours of their own, and strangers one too', () => {
  expect(new Set(['a', 'b', 'c', 'x'].map((person) => toneOf(person, ['a', 'b', 'c']))).size).toBe(4)
})
