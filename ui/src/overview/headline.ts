/** The one sentence a person came for. Pure. */

import type { Severity } from '@/alerts/words'
import type { Target } from '@/api/prometheus'

import type { AlertView } from './alerts'

export interface Headline {
  tone: 'ok' | 'warning' | 'critical' | 'info' | 'unknown'
  /** Which sentence, and the number in it. */
  says: 'quiet' | 'firing' | 'down' | 'pending' | 'unknown'
  count: number
}

const QUIET: Headline = { tone: 'ok', says: 'quiet', count: 0 }

const TONES: Record<Severity, Headline['tone']> = { critical: 'critical', warning: 'warning', info: 'info' }

/** Firing alerts speak first, then targets that are down, then what may fire soon; quiet is said only when both were really looked at. */
export function headlineOf(alerts: readonly AlertView[] | null, targets: readonly Target[] | null): Headline {
  const firing = (alerts ?? []).filter((alert) => alert.state === 'firing')
  const [worst] = firing
  if (worst) return { tone: TONES[worst.severity], says: 'firing', count: firing.length }
  const down = (targets ?? []).filter((target) => target.health === 'down').length
  if (down > 0) return { tone: 'warning', says: 'down', count: down }
  if (!alerts || !targets) return { tone: 'unknown', says: 'unknown', count: 0 }
  return alerts.length ? { tone: 'warning', says: 'pending', count: alerts.length } : QUIET
}
