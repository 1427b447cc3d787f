/** Shifts laid onto a stretch of days. Pure. */

import type { Shift } from '@/api/oncall'
import { SERIES_TONES } from '@/theme/tones'

export const DAY_MS = 86_400_000

export interface Bar {
  shift: Shift
  /** Percent of the stretch. */
  left: number
  width: number
}

/** The parts of shifts that lie in the stretch. */
export function barsOf(shifts: readonly Shift[], startMs: number, endMs: number): Bar[] {
  const length = endMs - startMs
  return shifts
    .map((shift) => {
      const from = Math.max(shift.start_ms, startMs)
      const until = Math.min(shift.end_ms, endMs)
      return { shift, left: (100 * (from - startMs)) / length, width: (100 * (until - from)) / length }
    })
    .filter((bar) => bar.width > 0)
}

/** The beginning of the day by this browser's clock, `days` away. */
export function dayStart(ms: number, days = 0): number {
  const date = new Date(ms)
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime()
}

export interface Day {
  startMs: number
  left: number
  weekend: boolean
}

/** The days of a stretch that begins with one; some have 23 or 25 hours. */
export function daysOf(startMs: number, endMs: number): Day[] {
  const days: Day[] = []
  for (let ms = startMs; ms < endMs; ms = dayStart(ms, 1)) {
    const weekday = new Date(ms).getDay()
    days.push({ startMs: ms, left: (100 * (ms - startMs)) / (endMs - startMs), weekend: weekday === 0 || weekday === 6 })
  }
  return days
}

/** A person has the same colour in every schedule. */
export function toneOf(person: string, people: readonly string[]): string {
  const index = people.indexOf(person)
  return SERIES_TONES[(index < 0 ? people.length : index) % SERIES_TONES.length] ?? SERIES_TONES[0]
}

export const shiftAt = (shifts: readonly Shift[], ms: number): Shift | null =>
  shifts.find((shift) => shift.start_ms <= ms && ms < shift.end_ms) ?? null

/** Shifts of people that can change hands: those that are not over. */
export const swappable = (shifts: readonly Shift[], nowMs: number): Shift[] =>
  shifts.filter((shift) => shift.person !== null && shift.end_ms > nowMs)
