/** Alertmanager's API as far as the panel asks it: what fires, and silences. */

import { request } from './client'
import type { Labels } from './prometheus'

export interface HeldAlert {
  labels: Labels
  annotations: Labels
  startsAt: string
  endsAt: string
  generatorURL: string
  fingerprint: string
  receivers: { name: string }[]
  status: {
    state: 'active' | 'suppressed'
    /** Ids of silences. */
    silencedBy: string[]
    /** Fingerprints of alerts. */
    inhibitedBy: string[]
    /** Names of time intervals. */
    mutedBy: string[]
  }
}

export interface AlertGroup {
  labels: Labels
  receiver: { name: string }
  alerts: HeldAlert[]
}

/** A matcher as the API writes it. */
export interface Condition {
  name: string
  value: string
  isRegex: boolean
  isEqual: boolean
}

export interface Silence {
  id: string
  status: { state: 'active' | 'pending' | 'expired' }
  matchers: Condition[]
  startsAt: string
  endsAt: string
  updatedAt: string
  createdBy: string
  comment: string
}

export type SilenceDraft = Pick<Silence, 'matchers' | 'startsAt' | 'endsAt' | 'createdBy' | 'comment'> & { id?: string }

export const fetchGroups = (signal: AbortSignal): Promise<AlertGroup[]> =>
  request('GET', '/api/v2/alerts/groups', { signal })

/** `filters` in Alertmanager's words (`job="node"`); none: all alerts. */
export const fetchHeldAlerts = (filters: readonly string[], signal: AbortSignal): Promise<HeldAlert[]> =>
  request('GET', '/api/v2/alerts', { query: { filter: filters }, signal })

export const fetchSilences = (signal: AbortSignal): Promise<Silence[]> => request('GET', '/api/v2/silences', { signal })

export const fetchSilence = (id: string): Promise<Silence> =>
  request('GET', `/api/v2/silence/${encodeURIComponent(id)}`)

/** Makes or changes one; the id of a changed one may be another. */
export async function saveSilence(draft: SilenceDraft): Promise<string> {
  const answer = await request<{ silenceID: string }>('POST', '/api/v2/silences', { body: draft })
  return answer.silenceID
}

export const expireSilence = (id: string): Promise<void> =>
  request('DELETE', `/api/v2/silence/${encodeURIComponent(id)}`)
