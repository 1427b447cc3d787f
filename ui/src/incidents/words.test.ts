import { expect, test } from 'vitest'

import type { Incident, IncidentEvent, IncidentTimes } from '@/api/incidents'

import { byUrgency, entriesOf, isWebAddress, markOf, overallOf, toneOf } from './words'

const incident = (id: string, state: Incident['state'], priority: Incident['priority'], opened_ms = 0): Incident =>
  ({ id, state, priority, opened_ms }) as Incident

test('what nobody answered stands first, then the more urgent, then the newer', () => {
  const incidents = [
    incident('taken', 'acknowledged', 'P0', 9),
    incident('old', 'open', 'P2', 1),
    incident('new', 'open', 'P2', 2),
    incident('worst', 'open', 'P1', 0),
  ]
  expect(byUrgency(incidents).map(({ id }) => id)).toEqual(['worst', 'new', 'old', 'taken'])
})

test('only open incidents have the colour of their priority', () => {
  const states = ['open', 'acknowledged', 'snoozed', 'resolved'] as const
  const tones = states.map((state) => toneOf(incident('', state, 'P0')))
  expect(tones).toEqual(['critical', 'unknown', 'unknown', 'ok'])
})

test('means over all priorities weigh each by how many it stands for', () => {
  const times = (priority: string, acknowledged: number, mtta_s: number | null): IncidentTimes =>
    ({ priority, opened: 10, acknowledged, resolved: 0, mtta_s, mttr_s: null }) as IncidentTimes
  expect(overallOf([times('P0', 3, 60), times('P1', 1, 100), times('P2', 0, null)])).toEqual({
    opened: 30,
    mttaS: 70,
    mttrS: null,
  })
  expect(overallOf([])).toEqual({ opened: 0, mttaS: null, mttrS: null })
})

test.each([
  ['notice', 'fenghuo', { state: 'failed' }, 'failure'],
  ['notice', 'fenghuo', { state: 'sent' }, 'notice'],
  ['opened', 'fenghuo', {}, 'alert'],
  ['not_reached', 'fenghuo', {}, 'failure'],
  ['escalated', 'li', {}, 'alert'],
  ['acknowledged', 'li', {}, 'person'],
  ['unheard of', 'fenghuo', {}, 'notice'],
  ['resolved', 'li', {}, 'end'],
])('a line %s by %s with %j is marked as %s', (kind, actor, data, mark) => {
  expect(markOf({ kind, actor, data, at_ms: 0, via: '', text: '' } as IncidentEvent)).toBe(mark)
})

test('attempts that failed one after the other are one entry, with the last of them', () => {
  const event = (kind: string, at_ms: number, receiver = 'desk'): IncidentEvent => ({
    kind,
    at_ms,
    actor: 'fenghuo',
    via: 'pipeline',
    text: '',
    data: { receiver, channel: 'webhook' },
  })
  const entries = entriesOf([
    event('opened', 1),
    event('attempt', 2),
    event('attempt', 3),
    event('attempt', 4, 'phones'),
    event('notice', 5),
    event('attempt', 6),
  ])
  expect(entries.map(({ event: { kind, at_ms }, count }) => [kind, at_ms, count])).toEqual([
    ['attempt', 6, 1],
    ['notice', 5, 1],
    ['attempt', 4, 1],
    ['attempt', 3, 2],
    ['opened', 1, 1],
  ])
})

test('only addresses of the web are followed', () => {
  const texts = ['https://wiki/x', 'javascript:alert(1)', 'wiki/x', 'https://a b']
  expect(texts.filter(isWebAddress)).toEqual(['https://wiki/x'])
})
