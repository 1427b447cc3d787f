/** Alerts in the order a person should read them, and their words. Pure. */

import { parseValue, type Alert, type Labels } from '@/api/prometheus'
import { formatValue } from '@/format/number'
import { parseMoment } from '@/format/time'
import type { Locale } from '@/i18n'

export type Severity = 'critical' | 'warning' | 'info'

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
  value: string
}

const RANKS: Record<Severity, number> = { critical: 0, warning: 1, info: 2 }

const CRITICAL = new Set(['critical', 'page', 'emergency', 'disaster', 'fatal', 'error', 'high', 'p0', 'p1'])
const INFO = new Set(['info', 'information', 'notice', 'none', 'low', 'debug', 'p3', 'p4'])

/** Teams name severities as they like; what is unknown is a warning, since somebody wrote a rule for it. */
export function severityOf(labels: Labels): Severity {
  const text = (labels['severity'] ?? '').toLowerCase()
  if (CRITICAL.has(text)) return 'critical'
  return INFO.has(text) ? 'info' : 'warning'
}

/** `summary_zh` for readers of Chinese, when the rule has it; else `summary`, else the description. */
export function summaryOf(annotations: Labels, locale: Locale): string {
  const names = ['summary', 'description', 'message']
  const wanted = locale === 'zh-CN' ? [...names.map((name) => `${name}_zh`).slice(0, 2), ...names] : names
  const found = wanted.map((name) => annotations[name]).find((text) => text)
  return found ?? ''
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
    value: formatValue(parseValue(alert.value)),
  }
}

/** Firing before pending, the worse first, then the newer. */
function compare(left: AlertView, right: AlertView): number {
  const rank = (view: AlertView): number => (view.state === 'firing' ? 0 : 10) + RANKS[view.severity]
  return rank(left) - rank(right) || right.sinceMs - left.sinceMs || left.key.localeCompare(right.key)
}
