/** Incidents: look them up, answer them, write about them. */

import { request } from './client'
import type { Labels } from './prometheus'

export const PRIORITIES = ['P0', 'P1', 'P2', 'P3'] as const
export type Priority = (typeof PRIORITIES)[number]
export type IncidentState = 'open' | 'acknowledged' | 'snoozed' | 'resolved'

/** `step` is the next one, or the one being taken; it and `round` count from 1. */
export interface Escalation {
  policy: string
  state: 'waiting' | 'acting' | 'paused' | 'stopped' | 'over'
  step: number
  steps: number
  round: number
  rounds: number
  /** Null where no step is to come by itself. */
  next_at_ms: number | null
}

export interface Incident {
  id: string
  title: string
  priority: Priority
  state: IncidentState
  labels: Labels
  receiver: string
  group_key: string
  firing: number
  opened_ms: number
  acknowledged_ms: number | null
  acknowledged_by: string
  snoozed_until_ms: number | null
  /** When somebody has to have answered; null once somebody has. */
  due_ms: number | null
  /** That moment is over. */
  overdue: boolean
  resolved_ms: number | null
  assignee: string
  postmortem_url: string
  /** Null where there is none. */
  escalation: Escalation | null
}

export interface IncidentEvent {
  at_ms: number
  kind: string
  actor: string
  via: string
  text: string
  data: Readonly<Record<string, unknown>>
}

export interface IncidentDetail extends Incident {
  timeline: IncidentEvent[]
}

/** Means over the incidents of one priority; null where none was answered or resolved. */
export interface IncidentTimes {
  priority: Priority
  opened: number
  acknowledged: number
  resolved: number
  mtta_s: number | null
  mttr_s: number | null
}

const PATH = '/api/fenghuo/incidents'
const pathOf = (id: string): string => `${PATH}/${encodeURIComponent(id)}`

/** The newest first; `before` is the id from which the listing goes on. */
export const fetchIncidents = (
  states: readonly IncidentState[],
  priorities: readonly Priority[],
  limit: number,
  before: string,
  signal: AbortSignal,
): Promise<Incident[]> =>
  request('GET', PATH, { query: { state: states, priority: priorities, limit, ...(before ? { before } : {}) }, signal })

export const fetchIncidentTimes = (days: number, signal: AbortSignal): Promise<IncidentTimes[]> =>
  request('GET', `${PATH}/statistics`, { query: { days }, signal })

/** What the program wrote can be had in Chinese and in English. */
type Language = 'zh' | 'en'

export const fetchIncident = (id: string, language: Language, signal: AbortSignal): Promise<IncidentDetail> =>
  request('GET', pathOf(id), { query: { language }, signal })

/** Where the document to fill in is downloaded from. */
export const postmortemPath = (id: string, language: Language): string =>
  `${pathOf(id)}/postmortem.md?language=${language}`

export type Answer =
  | { act: 'acknowledge' | 'resolve' | 'reopen' | 'escalate'; body: { comment?: string } }
  | { act: 'snooze'; body: { duration_s: number; comment?: string } }
  | { act: 'assign'; body: { person: string } }
  | { act: 'comment'; body: { text: string } }
  | { act: 'postmortem'; body: { url: string } }

export const answerIncident = (id: string, answer: Answer): Promise<Incident> =>
  request('POST', `${pathOf(id)}/${answer.act}`, { body: answer.body })
