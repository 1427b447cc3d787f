/** Alerts in the order a person should read them, and their words. Pure. */

import { ruleFinder } from '@/alerts/ruled'
import { SEVERITY_RANKS, severityOf, summaryOf, type Severity } from '@/alerts/words'
import type { HeldAlert } from '@/api/alertmanager'
import { parseValue, type Alert } from '@/api/prometheus'
import { formatValue } from '@/format/number'
import { parseMoment } from '@/format/time'
import type { Locale } from '@/i18n'

export interface AlertView {
  key: string
  name: string
  state: Alert['state']
  severity: Severity
  /** What the label says, when it says more than our three words. */
  severityText: string
  summary: string
  /** What tells this alert from others of its name. */
  labels: [string, string][]
  sinceMs: number
  /** Empty for what others sent. */
  value: string
}

/** What fires and nobody silenced, whoever raised it, and what our own rules have pending. Values are the rules'. */
export function allAlerts(ruled: readonly Alert[], held: readonly HeldAlert[]): Alert[] {
  const ruleOf = ruleFinder(ruled)
  const firing = held
    .filter((alert) => alert.status.state === 'active')
    .map(({ labels, annotations, startsAt }): Alert => {
      const rule = ruleOf(labels)
      return { labels, annotations, state: 'firing', activeAt: rule?.activeAt ?? startsAt, value: rule?.value ?? '' }
    })
  return [...firing, ...ruled.filter((alert) => alert.state === 'pending')]
}

export function alertViews(alerts: readonly Alert[], locale: Locale): AlertView[] {
  return alerts.map((alert) => viewOf(alert, locale)).sort(compare)
}

function viewOf(alert: Alert, locale: Locale): AlertView {
  const labels = Object.entries(alert.labels)
    .filter(([name]) => name !== 'alertname' && name !== 'severity')
    .sort(([left], [right]) => left.localeCompare(right))
  const name = alert.labels['alertname'] ?? ''
  return {
    key: JSON.stringify([name, alert.labels['severity'], labels]),
    name,
    state: alert.state,
    severity: severityOf(alert.labels),
    severityText: alert.labels['severity'] ?? '',
    summary: summaryOf(alert.annotations, locale),
    labels,
    sinceMs: parseMoment(alert.activeAt),
    value: alert.value && formatValue(parseValue(alert.value)),
  }
}

/** Firing before pending, the worse first, then the newer. */
function compare(left: AlertView, right: AlertView): number {
  const rank = (view: AlertView): number => (view.state === 'firing' ? 0 : 10) + SEVERITY_RANKS[view.severity]
  return rank(left) - rank(right) || right.sinceMs - left.sinceMs || left.key.localeCompare(right.key)
}
