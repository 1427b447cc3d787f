import { expect, test } from 'vitest'

import type { HeldAlert } from '@/api/alertmanager'
import type { Alert, Target } from '@/api/prometheus'

import { severityOf, summaryOf } from '@/alerts/words'
import { alertViews, allAlerts } from './alerts'
import { headlineOf } from './headline'
import { chooseHost } from './load'
import { queriesOf, quote } from './queries'
import { stateOf, THRESHOLDS } from './thresholds'

const alert = (name: string, severity: string, state: Alert['state'], activeAt = '2023-11-14T22:13:20Z'): Alert => ({
  labels: { alertname: name, severity, instance: 'web-1' },
  annotations: { summary: 'too high', summary_zh: '过高' },
  state,
  activeAt,
  value: '9.25e+01',
})

const target = (health: Target['health']): Target => ({ health }) as Target

test('what fires is what is on its way, with what its rule knows; what is silenced is left out', () => {
  const held = (labels: Record<string, string>, state: string) =>
    ({ labels, annotations: {}, startsAt: '2023-11-14T23:00:00Z', status: { state } }) as HeldAlert
  const ruled = [alert('own', 'warning', 'firing'), alert('soon', 'warning', 'pending'), alert('quiet', 'info', 'firing')]
  const found = allAlerts(ruled, [
    held({ ...ruled[0]!.labels, datacenter: 'added to all' }, 'active'),
    held({ alertname: 'foreign' }, 'active'),
    held(ruled[2]!.labels, 'suppressed'),
  ])
  expect(found.map(({ labels, state, value, activeAt }) => [labels['alertname'], state, value, activeAt])).toEqual([
    ['own', 'firing', '9.25e+01', '2023-11-14T22:13:20Z'],
    ['foreign', 'firing', '', '2023-11-14T23:00:00Z'],
    ['soon', 'pending', '9.25e+01', '2023-11-14T22:13:20Z'],
  ])
  expect(alertViews(found, 'en').map(({ name, value }) => [name, value])).toContainEqual(['foreign', ''])
})

test('firing stands before pending, the worse before the lesser, the newer before the older', () => {
  const views = alertViews(
    [
      alert('pending', 'critical', 'pending'),
      alert('older', 'warning', 'firing', '2023-11-14T20:00:00Z'),
      alert('newer', 'warning', 'firing', '2023-11-14T22:00:00Z'),
      alert('info', 'info', 'firing'),
      alert('worst', 'P0', 'firing'),
    ],
    'en',
  )
  expect(views.map((view) => view.name)).toEqual(['worst', 'newer', 'older', 'info', 'pending'])
})

test('an alert is worded: labels without its name and severity, value in short', () => {
  const [view] = alertViews([alert('HighCPUUsage', 'warning', 'firing')], 'zh-CN')
  expect(view).toMatchObject({ summary: '过高', labels: [['instance', 'web-1']], value: '92.5', severity: 'warning' })
})

test.each([
  ['P0', 'critical'],
  ['page', 'critical'],
  ['P2', 'warning'],
  ['unheard of', 'warning'],
  ['Info', 'info'],
])('severity %s is shown as %s', (text, severity) => {
  expect(severityOf({ severity: text })).toBe(severity)
})

test('a summary in the chosen language is preferred, any summary to none', () => {
  expect(summaryOf({ summary: 'high', summary_zh: '高' }, 'zh-CN')).toBe('高')
  expect(summaryOf({ summary: 'high', summary_zh: '高' }, 'en')).toBe('high')
  expect(summaryOf({ summary: 'high' }, 'zh-CN')).toBe('high')
  expect(summaryOf({ description: 'long' }, 'en')).toBe('long')
  expect(summaryOf({}, 'en')).toBe('')
})

test('quiet is said only when alerts and targets were both looked at', () => {
  const firing = alertViews([alert('a', 'critical', 'firing'), alert('b', 'info', 'firing')], 'en')
  const pending = alertViews([alert('a', 'critical', 'pending')], 'en')
  expect(headlineOf([], [target('up')])).toEqual({ tone: 'ok', says: 'quiet', count: 0 })
  expect(headlineOf(pending, [target('up')])).toEqual({ tone: 'warning', says: 'pending', count: 1 })
  expect(headlineOf(firing, [target('down')])).toEqual({ tone: 'critical', says: 'firing', count: 2 })
  expect(headlineOf([], [target('down'), target('up')])).toEqual({ tone: 'warning', says: 'down', count: 1 })
  expect(headlineOf(null, [target('up')]).says).toBe('unknown')
  expect(headlineOf([], null).says).toBe('unknown')
})

test('the host asked for is shown, else the server itself, else the first', () => {
  const hosts = ['db-1', 'web-1:9100', 'web-2'].map((instance) => ({ instance, job: 'node' }))
  expect(chooseHost(hosts, 'web-2', 'web-1')?.instance).toBe('web-2')
  expect(chooseHost(hosts, 'gone', 'web-1')?.instance).toBe('web-1:9100')
  expect(chooseHost(hosts, '', 'elsewhere')?.instance).toBe('db-1')
  expect(chooseHost([], '', 'web-1')).toBeNull()
})

test('names are quoted into queries as PromQL reads them', () => {
  expect(quote('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"')
  expect(queriesOf({ instance: 'a"', job: 'node' }).cores).toBe(
    'count(node_cpu_seconds_total{instance="a\\"", job="node", mode="idle"})',
  )
})

test('a value on the limit is still below it', () => {
  expect(stateOf(85, THRESHOLDS.memory)).toBe('ok')
  expect(stateOf(85.1, THRESHOLDS.memory)).toBe('warning')
  expect(stateOf(95.1, THRESHOLDS.memory)).toBe('critical')
  expect(stateOf(100, THRESHOLDS.cpu)).toBe('warning')
  expect(stateOf(null, THRESHOLDS.disk)).toBe('unknown')
})
