/** Value axes whose ticks are round in the unit shown. */

export interface Axis {
  /** The ground when absent. */
  min?: number
  max: number
  interval: number
}

/** About as many intervals as fit a small chart without crowding. */
const INTERVALS = 4

const DECIMAL_STEPS = [1, 2, 2.5, 5, 10]
const BINARY_STEPS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

/** Up to `ceiling`, but never so close to the ground that noise looks like a storm: at least `floor`. */
export function percentAxis(highest: number, floor = 10, ceiling = 100): Axis {
  const wanted = Math.max(highest * 1.1, floor)
  if (wanted >= ceiling) return { max: ceiling, interval: ceiling / INTERVALS }
  const interval = roundUp(wanted / INTERVALS, 10, DECIMAL_STEPS)
  return { max: Math.min(interval * INTERVALS, ceiling), interval }
}

/** Ticks on powers of two within a unit of 1024. */
export function bytesAxis(highest: number): Axis {
  const wanted = Math.max(highest * 1.05, 1024)
  const interval = roundUp(wanted / INTERVALS, 1024, BINARY_STEPS)
  return { max: interval * Math.ceil(wanted / interval), interval }
}

/** Values that move within less than this share of their size are looked at closely; all others stand on the ground. */
const NARROW = 0.2

/** For values of unknown unit and either sign, `lowest` to `highest`. */
export function numberAxis(lowest: number, highest: number): Axis {
  const isNarrow = highest > lowest && highest - lowest < NARROW * Math.max(Math.abs(lowest), Math.abs(highest))
  const from = isNarrow ? lowest : Math.min(0, lowest)
  const to = isNarrow ? highest : Math.max(0, highest) || (lowest < 0 ? 0 : 1)
  const interval = roundUp((to - from) / INTERVALS, 10, DECIMAL_STEPS)
  return { min: Math.floor(from / interval) * interval, max: Math.ceil(to / interval) * interval, interval }
}

/** The smallest step × base^k that is not below `value`. */
function roundUp(value: number, base: number, steps: readonly number[]): number {
  const unit = base ** Math.floor(Math.log(value) / Math.log(base) + 1e-9)
  const step = steps.find((candidate) => candidate * unit >= value * (1 - 1e-9))
  return (step ?? base) * unit
}
