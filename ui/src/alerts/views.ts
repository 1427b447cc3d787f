/** From what the server answers to what the page of alerts shows: groups in the order a person should read them. Pure. */

import type { AlertGroup, HeldAlert, Silence } from '@/api/alertmanager'
import { PRIORITIES, type Incident } from '@/api/incidents'
import { parseValue, type Alert, type Labels } from '@/api/prometheus'
import { formatValue } from '@/format/number'
import { parseMoment } from '@/format/time'
import type { Locale } from '@/i18n'
import { equalTo, matchersText, parseMatchers, testOf } from '@/matchers/matchers'

import { ruleFinder } from './ruled'
import { SEVERITY_RANKS, severityOf, summaryOf, type Severity } from './words'

/** `muted`: it fires, and something keeps it quiet. */
export type Standing = 'firing' | 'muted' | 'pending'

export interface AlertView {
  /** The same for an alert that stands in several groups. */
  key: string
  name: string
  standing: Standing
  severity: Severity
  severityText: string
  summary: string
  labels: Labels
  sinceMs: number
  /** Of the rule's expression, when a rule of ours raised it. */
  value: string
  /** Where its expression can be looked at: a path of this panel or an address elsewhere; empty when there is none. */
  source: string
  runbook: string
  silencedBy: Silence[]
  /** Names of alerts. */
  inhibitedBy: string[]
  /** Names of time intervals. */
  mutedBy: string[]
}

export interface GroupView {
  key: string
  labels: Labels
  receiver: string
  /** Null: these are pending, and nobody is told yet. */
  incident: Incident | null
  alerts: AlertView[]
  pending: boolean
}

export interface Sources {
  groups: readonly AlertGroup[]
  /** What our own rules say: pending alerts, and values. */
  ruled: readonly Alert[]
  silences: readonly Silence[]
  /** The newest first: a group's is the first of its own. */
  incidents: readonly Incident[]
}

export function groupViews(sources: Sources, locale: Locale): GroupView[] {
  const held = sources.groups.flatMap((group) => group.alerts)
  const context: Context = {
    locale,
    silences: new Map(sources.silences.map((silence) => [silence.id, silence])),
    names: new Map(held.map((alert) => [alert.fingerprint, alert.labels['alertname'] ?? ''])),
    ruleOf: ruleFinder(sources.ruled),
  }
  const incidents = new Map(
    sources.incidents.map((incident) => [groupKey(incident.receiver, incident.labels), incident] as const).reverse(),
  )
  const groups = sources.groups.map((group): GroupView => {
    const key = groupKey(group.receiver.name, group.labels)
    return {
      key,
      labels: group.labels,
      receiver: group.receiver.name,
      incident: incidents.get(key) ?? null,
      alerts: group.alerts.map((alert) => heldView(alert, context)).sort(compareAlerts),
      pending: false,
    }
  })
  return [...groups.sort(compareGroups), ...pendingGroups(sources.ruled, locale)]
}

interface Context {
  locale: Locale
  silences: ReadonlyMap<string, Silence>
  names: ReadonlyMap<string, string>
  ruleOf: (labels: Labels) => Alert | undefined
}

/** Labels do not repeat and have no order; their text in order is what two equal sets share. */
const keyOf = (labels: Labels): string => JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))

const groupKey = (receiver: string, labels: Labels): string => `${receiver} ${keyOf(labels)}`

function commonView(labels: Labels, annotations: Labels, locale: Locale) {
  return {
    name: labels['alertname'] ?? '',
    severity: severityOf(labels),
    severityText: labels['severity'] ?? '',
    summary: summaryOf(annotations, locale),
    labels,
    runbook: webAddress(annotations['runbook_url'] ?? ''),
  }
}

function heldView(alert: HeldAlert, context: Context): AlertView {
  const { silencedBy, inhibitedBy, mutedBy } = alert.status
  const rule = context.ruleOf(alert.labels)
  return {
    ...commonView(alert.labels, alert.annotations, context.locale),
    key: alert.fingerprint,
    standing: silencedBy.length || inhibitedBy.length || mutedBy.length ? 'muted' : 'firing',
    sinceMs: parseMoment(rule?.activeAt ?? alert.startsAt),
    value: rule ? formatValue(parseValue(rule.value)) : '',
    source: sourceOf(alert.generatorURL),
    silencedBy: silencedBy.flatMap((id) => context.silences.get(id) ?? []),
    inhibitedBy: [...new Set(inhibitedBy.map((fingerprint) => context.names.get(fingerprint) ?? ''))].filter(Boolean),
    mutedBy,
  }
}

function pendingGroups(ruled: readonly Alert[], locale: Locale): GroupView[] {
  const alerts = ruled
    .filter((alert) => alert.state === 'pending')
    .map((alert): AlertView => ({
      ...commonView(alert.labels, alert.annotations, locale),
      key: keyOf(alert.labels),
      standing: 'pending',
      sinceMs: parseMoment(alert.activeAt),
      value: formatValue(parseValue(alert.value)),
      source: '',
      silencedBy: [],
      inhibitedBy: [],
      mutedBy: [],
    }))
    .sort(compareAlerts)
  return alerts.length ? [{ key: 'pending', labels: {}, receiver: '', incident: null, alerts, pending: true }] : []
}

/** Links are followed by people, and written by whoever sends alerts: nothing but the web. */
function webAddress(text: string): string {
  return /^https?:\/\//i.test(text) ? text : ''
}

/** A link to the query page of whichever address this server is known by leads to the page here. */
function sourceOf(text: string): string {
  const address = webAddress(text)
  if (!address) return ''
  try {
    const url = new URL(address)
    return url.searchParams.has('g0.expr') && url.pathname.endsWith('/graph') ? `/graph${url.search}` : address
  } catch {
    return ''
  }
}

const STANDING_RANKS: Record<Standing, number> = { firing: 0, muted: 1, pending: 2 }

const rankOf = (alert: AlertView): number => 10 * STANDING_RANKS[alert.standing] + SEVERITY_RANKS[alert.severity]

/** What nobody quietens before what is muted, the worse first, then the newer. */
function compareAlerts(left: AlertView, right: AlertView): number {
  return rankOf(left) - rankOf(right) || right.sinceMs - left.sinceMs || (left.key < right.key ? -1 : 1)
}

/** By the incident's priority, else by severity; what somebody answered stands behind the same that nobody did. */
function urgencyOf({ alerts: [first], incident }: GroupView): number {
  if (!first) return Number.POSITIVE_INFINITY
  if (first.standing !== 'firing' || !incident) return rankOf(first) + 1
  return PRIORITIES.indexOf(incident.priority) + (incident.state === 'open' ? 0 : 0.5)
}

function compareGroups(left: GroupView, right: GroupView): number {
  const newer = (right.alerts[0]?.sinceMs ?? 0) - (left.alerts[0]?.sinceMs ?? 0)
  return urgencyOf(left) - urgencyOf(right) || newer || (left.key < right.key ? -1 : 1)
}

export interface Filter {
  standing: Standing | 'all'
  text: string
}

/** Null where the text is meant as matchers and holds a regex that is none. */
export type Wanted = (alert: AlertView) => boolean

/** Matchers, or words that all stand somewhere in the alert. */
export function wantedBy(text: string): Wanted | null {
  const matchers = /[={]/.test(text) ? parseMatchers(text) : null
  if (matchers?.length) {
    const holds = testOf(matchers)
    return holds && ((alert) => holds(alert.labels))
  }
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return (alert) => {
    const said = [alert.summary, ...Object.entries(alert.labels).flat()].join('\n').toLowerCase()
    return words.every((word) => said.includes(word))
  }
}

/** The filter that also asks for this label; words give way to matchers. */
export function narrowed(text: string, name: string, value: string): string {
  const matchers = (parseMatchers(text) ?? []).filter((matcher) => matcher.name !== name || matcher.op !== '=')
  return matchersText([...matchers, { name, op: '=', value }])
}

/** The groups with what is left of them; those without anything are gone. */
export function filtered(groups: readonly GroupView[], wanted: Wanted): GroupView[] {
  return groups
    .map((group) => ({ ...group, alerts: group.alerts.filter(wanted) }))
    .filter((group) => group.alerts.length > 0)
}

/** How many alerts stand how; one in several groups counts once. */
export function countsOf(groups: readonly GroupView[]): Record<Standing | 'all', number> {
  const standings = new Map(groups.flatMap((group) => group.alerts).map((alert) => [alert.key, alert.standing]))
  const counts = { all: standings.size, firing: 0, muted: 0, pending: 0 }
  for (const standing of standings.values()) counts[standing] += 1
  return counts
}

/** Labels that tell an alert from the others of its group, in the order of their names. */
export function ownLabels(alert: AlertView, group: GroupView): [string, string][] {
  return Object.entries(alert.labels)
    .filter(([name]) => name !== 'alertname' && name !== 'severity' && !(name in group.labels))
    .sort(([left], [right]) => (left < right ? -1 : 1))
}

/** Where a silence of everything with these labels is written. */
export const silencePath = (labels: Labels): string =>
  `/silences/new?filter=${encodeURIComponent(matchersText(equalTo(labels)))}`
