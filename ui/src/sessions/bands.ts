/** Trading sessions as bands behind a chart. Pure. */

import type { Labels } from '@/api/prometheus'
import type { TradingSession } from '@/api/trading'

export interface Band {
  fromMs: number
  untilMs: number
  night: boolean
}

const DAY_S = 86_400
/** Sessions on longer stretches are narrower than a pixel or two. */
export const BANDED_DAYS_MAX = 62

/** Which market the series of a chart are about: the only exchange, with the only product, that they name. */
export function marketOf(sets: readonly Labels[]): string {
  const only = (name: string): string | null => {
    const values = new Set(sets.map((labels) => labels[name] ?? ''))
    return values.size === 1 ? ([...values][0] ?? '') : null
  }
  const exchange = only('exchange')
  const product = only('product')
  if (!exchange || product === null) return ''
  return product ? `${exchange}.${product}` : exchange
}

export interface DaySpan {
  startS: number
  endS: number
}

/** Whole days around a stretch, so that a chart that moves on every 15 seconds asks once a day; null: too long. */
export function daySpanOf(startMs: number, endMs: number): DaySpan | null {
  if (endMs - startMs > BANDED_DAYS_MAX * DAY_S * 1000) return null
  return { startS: Math.floor(startMs / 1000 / DAY_S) * DAY_S, endS: (Math.floor(endMs / 1000 / DAY_S) + 1) * DAY_S }
}

/** The parts of sessions that lie in the stretch. */
export function bandsOf(sessions: readonly TradingSession[], startMs: number, endMs: number): Band[] {
  return sessions
    .map(({ open_ms, close_ms, night }) => ({
      fromMs: Math.max(open_ms, startMs),
      untilMs: Math.min(close_ms, endMs),
      night,
    }))
    .filter((band) => band.fromMs < band.untilMs)
}
