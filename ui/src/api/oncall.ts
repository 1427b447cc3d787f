/** On-call duty: schedules, people, overrides. Moments are milliseconds. */

import { request } from './client'

/** `person` null: nobody. `layer` counts from 0; `override` is the number of the override that says so. */
export interface Shift {
  start_ms: number
  end_ms: number
  person: string | null
  layer: number | null
  override: number | null
}

export interface Schedule {
  name: string
  now: string | null
  /** Who takes over, and when. */
  next: Shift | null
  /** Those of the next two weeks. */
  gaps: Shift[]
}

export interface Person {
  key: string
  name: string
  /** Kinds, not addresses. */
  contacts: string[]
}

export interface Override {
  id: number
  schedule: string
  person: string
  start_ms: number
  end_ms: number
  by: string
}

const PATH = '/api/fenghuo/oncall'

export const fetchSchedules = (signal: AbortSignal): Promise<Schedule[]> => request('GET', `${PATH}/schedules`, { signal })

export const fetchShifts = (schedule: string, startMs: number, endMs: number, signal: AbortSignal): Promise<Shift[]> =>
  request('GET', `${PATH}/schedules/${encodeURIComponent(schedule)}`, {
    query: { start_ms: startMs, end_ms: endMs },
    signal,
  })

export const fetchPeople = (signal: AbortSignal): Promise<Person[]> => request('GET', `${PATH}/people`, { signal })

export const fetchOverrides = (signal: AbortSignal): Promise<Override[]> =>
  request('GET', `${PATH}/overrides`, { signal })

export const makeOverride = (schedule: string, person: string, startMs: number, endMs: number): Promise<Override> =>
  request('POST', `${PATH}/overrides`, { body: { schedule, person, start_ms: startMs, end_ms: endMs } })

export const cancelOverride = (id: number): Promise<void> => request('DELETE', `${PATH}/overrides/${id}`)

/** The shifts that hold the two moments change hands. */
export const swapShifts = (schedule: string, oneMs: number, otherMs: number): Promise<Override[]> =>
  request('POST', `${PATH}/swaps`, { body: { schedule, one_ms: oneMs, other_ms: otherMs } })

/** The path of the iCalendar feed; it is secret. */
export async function fetchFeedPath(schedule: string): Promise<string> {
  return (await request<{ path: string }>('GET', `${PATH}/feeds`, { query: { schedule } })).path
}
