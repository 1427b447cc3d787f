/** Jobs that are waited for. */

import { request } from './client'

export interface Heartbeat {
  name: string
  status: string
  /** What is wrong, and since when. */
  troubles: Readonly<Record<string, number>>
  due_ms: number
  heard_ms: number | null
  duration_ms: number | null
  exit_code: number | null
  text: string
  period: string
  cron: string
  zone: string
  grace: string
  description: string
}

export const fetchHeartbeats = (signal: AbortSignal): Promise<Heartbeat[]> =>
  request('GET', '/api/fenghuo/heartbeats', { signal })
