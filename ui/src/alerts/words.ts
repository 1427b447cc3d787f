/** What labels and annotations say to people. Pure. */

import type { Labels } from '@/api/prometheus'
import type { Locale } from '@/i18n'

export type Severity = 'critical' | 'warning' | 'info'

export const SEVERITY_RANKS: Record<Severity, number> = { critical: 0, warning: 1, info: 2 }

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
