/** The Prometheus API as far as the panel asks it. Times are seconds there, as Prometheus has them. */

import { request } from './client'

export type Labels = Readonly<Record<string, string>>

export interface Series {
  labels: Labels
  /** Seconds since the epoch and the value; ascending, and absent where there is no sample. */
  points: [number, number][]
}

export interface Sample {
  labels: Labels
  value: number
}

export interface Target {
  labels: Labels
  scrapePool: string
  scrapeUrl: string
  health: 'up' | 'down' | 'unknown'
  lastError: string
  lastScrape: string
  /** Seconds. */
  lastScrapeDuration: number
}

export interface Alert {
  labels: Labels
  annotations: Labels
  state: 'firing' | 'pending'
  activeAt: string
  value: string
}

interface Answer<T> {
  data: T
}

interface RawSeries {
  metric: Labels
  values: [number, string][]
}

interface RawSample {
  metric: Labels
  value: [number, string]
}

type RangeAnswer = Answer<{ result: RawSeries[] }> & Partial<Notes>

export type InstantData =
  | { resultType: 'vector'; result: RawSample[] }
  | { resultType: 'matrix'; result: RawSeries[] }
  | { resultType: 'scalar' | 'string'; result: [number, string] }

type InstantAnswer = Answer<InstantData> & Partial<Notes>

/** Prometheus writes numbers as text, with Go's words for the infinities. */
export function parseValue(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  return Number(text)
}

export interface Span {
  startS: number
  endS: number
  stepS: number
}

/** What the server has to say about a result that it gave all the same. */
export interface Notes {
  warnings: string[]
  infos: string[]
}

const notesOf = (answer: Partial<Notes>): Notes => ({ warnings: answer.warnings ?? [], infos: answer.infos ?? [] })

/** Far more series than a page can show; beyond these the server cuts off, and says so in a warning. */
const SERIES_MAX = 1_000

export async function evaluateRange(
  expr: string,
  span: Span,
  signal: AbortSignal,
): Promise<Notes & { series: Series[] }> {
  const query = { query: expr, start: span.startS, end: span.endS, step: span.stepS, limit: SERIES_MAX }
  const answer = await request<RangeAnswer>('GET', '/api/v1/query_range', { query, signal })
  return { series: seriesOf(answer), ...notesOf(answer) }
}

export async function queryRange(expr: string, span: Span, signal: AbortSignal): Promise<Series[]> {
  const query = { query: expr, start: span.startS, end: span.endS, step: span.stepS }
  return seriesOf(await request<RangeAnswer>('GET', '/api/v1/query_range', { query, signal }))
}

function seriesOf(answer: RangeAnswer): Series[] {
  return answer.data.result.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([timeS, value]) => [timeS, parseValue(value)]),
  }))
}

/** One line of an instant query's result: labels are null for a scalar and a string, samples are many for a range. */
export interface InstantRow {
  labels: Labels | null
  /** Seconds since the epoch, and the value as the server wrote it: a string's result is no number. */
  samples: [number, string][]
}

export async function evaluateInstant(
  expr: string,
  timeS: number,
  signal: AbortSignal,
): Promise<Notes & { rows: InstantRow[] }> {
  const query = { query: expr, time: timeS, limit: SERIES_MAX }
  const answer = await request<InstantAnswer>('GET', '/api/v1/query', { query, signal })
  return { rows: instantRows(answer.data), ...notesOf(answer) }
}

export function instantRows(data: InstantData): InstantRow[] {
  switch (data.resultType) {
    case 'vector':
      return data.result.map(({ metric, value }) => ({ labels: metric, samples: [value] }))
    case 'matrix':
      return data.result.map(({ metric, values }) => ({ labels: metric, samples: values }))
    default:
      return [{ labels: null, samples: [data.result] }]
  }
}

export async function queryInstant(expr: string, timeS: number, signal: AbortSignal): Promise<Sample[]> {
  const query = { query: expr, time: timeS }
  const answer = await request<Answer<{ result: RawSample[] }>>('GET', '/api/v1/query', { query, signal })
  return answer.data.result.map(({ metric, value }) => ({ labels: metric, value: parseValue(value[1]) }))
}

export async function fetchTargets(signal: AbortSignal): Promise<Target[]> {
  const answer = await request<Answer<{ activeTargets: Target[] }>>('GET', '/api/v1/targets', {
    query: { state: 'active' },
    signal,
  })
  return answer.data.activeTargets
}

export async function fetchAlerts(signal: AbortSignal): Promise<Alert[]> {
  const answer = await request<Answer<{ alerts: Alert[] }>>('GET', '/api/v1/alerts', { signal })
  return answer.data.alerts
}
