/** Alerts on their way, and those of our own rules that they come from. Pure. */

import type { Alert, Labels } from '@/api/prometheus'

/**
 * Finds the firing alert of a rule behind an alert that is on its way: the latter has the labels of the former, and
 * perhaps those that the configuration adds to all.
 */
export function ruleFinder(ruled: readonly Alert[]): (labels: Labels) => Alert | undefined {
  const byName = new Map<string, Alert[]>()
  for (const alert of ruled) {
    if (alert.state !== 'firing') continue
    const name = alert.labels['alertname'] ?? ''
    byName.set(name, [...(byName.get(name) ?? []), alert])
  }
  return (labels) => byName.get(labels['alertname'] ?? '')?.find((alert) => isWithin(alert.labels, labels))
}

const isWithin = (labels: Labels, whole: Labels): boolean =>
  Object.entries(labels).every(([name, value]) => whole[name] === value)
