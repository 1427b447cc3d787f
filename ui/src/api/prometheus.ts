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

export async function queryRange(expr: string, span: Span, signal: AbortSignal): Promise<Series[]> {
  const query = { query: expr, start: span.startS, end: span.endS, step: span.stepS }
  const answer = await request<Answer<{ result: RawSeries[] }>>('GET', '/api/v1/query_range', { query, signal })
  return answer.data.result.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([timeS, value]) => [timeS, parseValue(value)]),
  }))
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
