/** Incidents in words and colours. Pure. */

import type { Incident, IncidentEvent, IncidentTimes, Priority } from '@/api/incidents'

type Tone = 'ok' | 'warning' | 'critical' | 'info' | 'unknown'

const PRIORITY_TONES: Record<Priority, Tone> = { P0: 'critical', P1: 'critical', P2: 'warning', P3: 'info' }

export const priorityTone = (priority: Priority): Tone => PRIORITY_TONES[priority]

/** Only what nobody answered shouts. */
export function toneOf(incident: Incident): Tone {
  if (incident.state === 'open') return PRIORITY_TONES[incident.priority]
  return incident.state === 'resolved' ? 'ok' : 'unknown'
}

/** What nobody answered first, then by priority, then the newest. */
export function byUrgency(incidents: readonly Incident[]): Incident[] {
  const answered = (incident: Incident): number => (incident.state === 'open' ? 0 : 1)
  return [...incidents].sort(
    (left, right) =>
      answered(left) - answered(right) ||
      left.priority.localeCompare(right.priority) ||
      right.opened_ms - left.opened_ms,
  )
}

/** What a line of the time line is about, which decides its mark. */
export type Mark = 'alert' | 'person' | 'notice' | 'failure' | 'end'

const MARKS: Record<string, Mark> = {
  opened: 'alert',
  alerts: 'alert',
  raised: 'alert',
  woken: 'alert',
  reopened: 'alert',
  resolved: 'end',
  notice: 'notice',
  attempt: 'failure',
  overdue: 'failure',
  escalated: 'alert',
  reached: 'notice',
  not_reached: 'failure',
  escalation_over: 'failure',
  escalation_missed: 'failure',
  link_refused: 'failure',
}

export function markOf(event: IncidentEvent): Mark {
  if (event.kind === 'notice' && event.data['state'] === 'failed') return 'failure'
  return MARKS[event.kind] ?? (event.actor === 'fenghuo' ? 'notice' : 'person')
}

export interface TimeLineEntry {
  event: IncidentEvent
  /** How many of the same kind this one stands for. */
  count: number
}

/** The newest first. Failed attempts of one notice to one channel, one after the other, are one entry. */
export function entriesOf(events: readonly IncidentEvent[]): TimeLineEntry[] {
  const entries: TimeLineEntry[] = []
  for (const event of events) {
    const last = entries.at(-1)
    if (last && isSameTrouble(last.event, event)) entries.splice(-1, 1, { event, count: last.count + 1 })
    else entries.push({ event, count: 1 })
  }
  return entries.reverse()
}

function isSameTrouble(before: IncidentEvent, after: IncidentEvent): boolean {
  return (
    before.kind === 'attempt' &&
    after.kind === 'attempt' &&
    before.data['receiver'] === after.data['receiver'] &&
    before.data['channel'] === after.data['channel']
  )
}

/** Means over all priorities, each weighted by how many it is the mean of; null where there is none. */
export function overallOf(times: readonly IncidentTimes[]): { opened: number; mttaS: number | null; mttrS: number | null } {
  const mean = (parts: [number, number | null][]): number | null => {
    const known = parts.filter((part): part is [number, number] => part[0] > 0 && part[1] !== null)
    const count = known.reduce((total, [each]) => total + each, 0)
    return count ? known.reduce((total, [each, value]) => total + each * value, 0) / count : null
  }
  return {
    opened: times.reduce((total, each) => total + each.opened, 0),
    mttaS: mean(times.map((each) => [each.acknowledged, each.mtta_s])),
    mttrS: mean(times.map((each) => [each.resolved, each.mttr_s])),
  }
}

/** A post-mortem is linked by people: nothing but the web is followed. */
export const isWebAddress = (text: string): boolean => /^https?:\/\/\S+$/i.test(text)
