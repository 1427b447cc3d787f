/** Samples laid onto an even grid of time, where what is absent stays absent. */

import type { Series, Span } from '@/api/prometheus'

export interface Grid {
  startMs: number
  stepMs: number
  count: number
}

/** One value per step of the grid; null where there is no sample. */
export type Row = (number | null)[]

/**
 * The last `rangeS` before `nowMs`, on multiples of the step after `phaseS`: a refresh asks for the same points again
 * and lines do not tremble, and a page whose phase is the moment it was opened sees what is now from the first look.
 */
export function spanUntil(nowMs: number, rangeS: number, stepS: number, phaseS: number): Span {
  const endS = phaseS + Math.floor((nowMs / 1000 - phaseS) / stepS) * stepS
  return { startS: endS - rangeS, endS, stepS }
}

export function gridOf(span: Span): Grid {
  return {
    startMs: span.startS * 1000,
    stepMs: span.stepS * 1000,
    count: Math.round((span.endS - span.startS) / span.stepS) + 1,
  }
}

export function align(points: Series['points'], grid: Grid): Row {
  const row: Row = new Array<number | null>(grid.count).fill(null)
  for (const [timeS, value] of points) {
    const index = Math.round((timeS * 1000 - grid.startMs) / grid.stepMs)
    if (index >= 0 && index < grid.count && Number.isFinite(value)) row[index] = value
  }
  return row
}

/** How many steps back a value still counts as what is now: one scrape may be late, two are an outage. */
const FRESH_STEPS = 3

/** The newest value, null when it is too old to be called "now". */
export function latest(row: Row): number | null {
  for (let index = row.length - 1; index >= Math.max(0, row.length - 1 - FRESH_STEPS); index -= 1) {
    const value = row[index]
    if (value !== null && value !== undefined) return value
  }
  return null
}

/** Point by point; absent where either is. */
export function combine(left: Row, right: Row, how: (left: number, right: number) => number): Row {
  return left.map((value, index) => {
    const other = right[index]
    return value === null || other === null || other === undefined ? null : how(value, other)
  })
}

/** Point by point over any number of rows; absent only where all are. */
export function sum(rows: readonly Row[], count: number): Row {
  const total: Row = new Array<number | null>(count).fill(null)
  for (const row of rows) {
    row.forEach((value, index) => {
      if (value !== null) total[index] = (total[index] ?? 0) + value
    })
  }
  return total
}

export function isEmpty(row: Row): boolean {
  return row.every((value) => value === null)
}
