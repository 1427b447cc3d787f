import { expect, test } from 'vitest'

import type { AlertGroup, HeldAlert, Silence } from '@/api/alertmanager'
import type { Incident } from '@/api/incidents'
import type { Alert } from '@/api/prometheus'

import { countsOf, filtered, groupViews, narrowed, ownLabels, silencePath, wantedBy, type Sources } from './views'

function held(name: string, severity: string, status: Partial<HeldAlert['status']> = {}, more = {}): HeldAlert {
  return {
    labels: { alertname: name, severity, instance: 'web-1' },
    annotations: { summary: `${name} is high` },
    startsAt: '2026-11-21T10:00:00.000Z',
    endsAt: '2026-11-21T12:00:00.000Z',
    generatorURL: '',
    fingerprint: `of ${name}`,
    receivers: [],
    status: { state: 'active', silencedBy: [], inhibitedBy: [], mutedBy: [], ...status },
    ...more,
  }
}

const group = (receiver: string, ...alerts: HeldAlert[]): AlertGroup => ({
  labels: { alertname: alerts[0]!.labels['alertname']! },
  receiver: { name: receiver },
  alerts,
})

const NOTHING: Sources = { groups: [], ruled: [], silences: [], incidents: [] }

const incident = (name: string, priority: string, state = 'open'): Incident =>
  ({ id: `INC-${name}`, receiver: 'desk', labels: { alertname: name }, priority, state }) as unknown as Incident

test('the most urgent incident stands first, what was answered behind its equals, what is muted last', () => {
  const views = groupViews(
    {
      ...NOTHING,
      groups: [
        group('desk', held('muted', 'critical', { mutedBy: ['nights'] })),
        group('desk', held('answered', 'critical')),
        group('desk', held('open', 'critical')),
        group('desk', held('worst', 'warning')),
        group('other', held('unrouted', 'warning')),
      ],
      incidents: [
        incident('answered', 'P1', 'acknowledged'),
        incident('open', 'P1'),
        { ...incident('open', 'P0', 'resolved'), id: 'an older one' },
        incident('worst', 'P0'),
      ],
    },
    'en',
  )
  expect(views.map((view) => view.labels['alertname'])).toEqual(['worst', 'open', 'answered', 'unrouted', 'muted'])
  expect(views.map((view) => view.incident?.id ?? null)).toEqual(['INC-worst', 'INC-open', 'INC-answered', null, null])
})

test('an alert says what keeps it quiet', () => {
  const silence = { id: 'abc', comment: 'being mended' } as Silence
  const [first] = groupViews(
    {
      ...NOTHING,
      groups: [
        group(
          'desk',
          held('Cause', 'critical'),
          held('Effect', 'warning', { inhibitedBy: ['of Cause'] }),
          held('Silenced', 'warning', { silencedBy: ['abc', 'forgotten'] }),
        ),
      ],
      silences: [silence],
    },
    'en',
  )
  expect(first!.alerts.map(({ name, standing }) => [name, standing])).toEqual([
    ['Cause', 'firing'],
    ['Effect', 'muted'],
    ['Silenced', 'muted'],
  ])
  expect(first!.alerts[1]!.inhibitedBy).toEqual(['Cause'])
  expect(first!.alerts[2]!.silencedBy).toEqual([silence])
})

test('pending alerts of our rules stand in a group of their own; firing ones lend their value', () => {
  const ruled = (name: string, state: Alert['state']): Alert => ({
    labels: { alertname: name, severity: 'warning', instance: 'web-1' },
    annotations: {},
    state,
    activeAt: '2026-11-21T09:00:00Z',
    value: '4.2e+01',
  })
  const views = groupViews(
    {
      ...NOTHING,
      groups: [group('desk', held('Fires', 'warning'))],
      ruled: [ruled('Fires', 'firing'), ruled('Soon', 'pending')],
    },
    'en',
  )
  expect(views.map(({ pending, alerts }) => [pending, alerts[0]!.name, alerts[0]!.value])).toEqual([
    [false, 'Fires', '42'],
    [true, 'Soon', '42'],
  ])
})

test.each([
  ['http://fenghuo.example.com/graph?g0.expr=up&g0.tab=1', '/graph?g0.expr=up&g0.tab=1'],
  ['https://grafana.example.com/alerting/1', 'https://grafana.example.com/alerting/1'],
  ['javascript:alert(1)', ''],
  ['http://[', ''],
  ['', ''],
])('the source %s leads to %s', (generatorURL, source) => {
  const [view] = groupViews({ ...NOTHING, groups: [group('desk', held('A', 'info', {}, { generatorURL }))] }, 'en')
  expect(view!.alerts[0]!.source).toBe(source)
})

const GROUPS = groupViews(
  {
    ...NOTHING,
    groups: [
      group('desk', held('HighLoad', 'critical'), held('HighDisk', 'warning')),
      group('b', held('HighLoad', 'critical')),
    ],
  },
  'en',
)

test.each([
  ['', 3],
  ['load', 2],
  ['WEB-1 disk', 1],
  ['severity="critical"', 2],
  ['{alertname=~"High.*", severity!="critical"}', 1],
  ['a=b=c', 0],
])('the filter "%s" leaves %s alerts', (text, count) => {
  expect(filtered(GROUPS, wantedBy(text)!).flatMap(({ alerts }) => alerts)).toHaveLength(count)
})

test('a regex that is none is no filter', () => {
  expect(wantedBy('alertname=~"("')).toBeNull()
})

test.each([
  ['', '{job="a"}'],
  ['some words', '{job="a"}'],
  ['team=~"x|y"', '{team=~"x|y", job="a"}'],
  ['{job="b", job!="c"}', '{job!="c", job="a"}'],
])('the filter "%s" narrowed to a label is %s', (text, filter) => {
  expect(narrowed(text, 'job', 'a')).toBe(filter)
})

test('an alert in two groups counts once', () => {
  expect(countsOf(GROUPS)).toEqual({ all: 2, firing: 2, muted: 0, pending: 0 })
})

test('a row names the labels that its group does not', () => {
  expect(ownLabels(GROUPS[0]!.alerts[0]!, GROUPS[0]!)).toEqual([['instance', 'web-1']])
})

test('the labels of an alert are the matchers of its silence', () => {
  expect(decodeURIComponent(silencePath({ b: '1', alertname: 'X "y"' }))).toBe(
    '/silences/new?filter={alertname="X \\"y\\"", b="1"}',
  )
})
