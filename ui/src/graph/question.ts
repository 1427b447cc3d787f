/**
 * What the query page is asked, as its address says it: the form of Prometheus' own links (`g0.expr`, `g0.tab`,
 * `g0.range_input`), so that links in notices and bookmarks of Prometheus lead here. Pure.
 */

import type { LocationQuery, LocationQueryRaw } from 'vue-router'

export type Tab = 'chart' | 'table'

export interface Question {
  expr: string
  tab: Tab
  /** How far the chart looks back, as Prometheus writes durations (`1h`, `1d12h`). */
  range: string
}

/** What is offered; another range that the address names is offered beside them. */
export const RANGES = ['15m', '1h', '6h', '24h'] as const
export const DEFAULT_RANGE = '1h'

const UNIT_S: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800, y: 31_536_000 }
const DURATION = /^(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/

/** Seconds of a duration; null for what is none, or is none to look back (`0s`). */
export function parseRange(text: string): number | null {
  if (!DURATION.test(text)) return null
  const parts = [...text.matchAll(/(\d+)(ms|[smhdwy])/g)]
  const seconds = parts.reduce((total, [, count, unit]) => total + Number(count) * (UNIT_S[unit ?? ''] ?? 0), 0)
  return seconds >= 1 ? seconds : null
}

/** Without a tab it is the chart; a range that cannot be read is the default. Newer links of Prometheus name the tab in words. */
export function questionOf(query: LocationQuery): Question {
  const range = textOf(query['g0.range_input'])
  return {
    expr: textOf(query['g0.expr']),
    tab: ['0', 'graph'].includes(textOf(query['g0.tab']) || '0') ? 'chart' : 'table',
    range: parseRange(range) === null ? DEFAULT_RANGE : range,
  }
}

export function queryOf(question: Question): LocationQueryRaw {
  return {
    'g0.expr': question.expr,
    'g0.tab': question.tab === 'chart' ? '0' : '1',
    'g0.range_input': question.range,
  }
}

/** An address may name a parameter twice; the first counts. */
function textOf(value: LocationQuery[string] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

/** As many points as a chart can show; a step is a whole number of seconds. */
const POINTS = 240

export function stepOf(rangeS: number): number {
  return Math.max(1, Math.ceil(rangeS / POINTS))
}
