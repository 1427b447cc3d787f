/** Where a value stops being normal: the limits of the host pack's rules, in percent. A test compares the two. */

export type State = 'ok' | 'warning' | 'critical' | 'unknown'

export interface Threshold {
  warning: number
  /** Absent where no rule of the pack calls it critical. */
  critical?: number
}

export const THRESHOLDS = {
  cpu: { warning: 80 },
  memory: { warning: 85, critical: 95 },
  disk: { warning: 90, critical: 97 },
} as const satisfies Record<string, Threshold>

/** The rules say "over": a value on the limit is still below it. */
export function stateOf(percent: number | null, threshold: Threshold): State {
  if (percent === null) return 'unknown'
  if (threshold.critical !== undefined && percent > threshold.critical) return 'critical'
  return percent > threshold.warning ? 'warning' : 'ok'
}
