/** When markets are open. */

import { request } from './client'

/** A stretch of trading without a break; `close_ms` is exclusive. */
export interface TradingSession {
  open_ms: number
  close_ms: number
  trading_day: string
  night: boolean
}

export const fetchMarkets = (signal: AbortSignal): Promise<string[]> =>
  request('GET', '/api/fenghuo/trading/markets', { signal })

export async function fetchSessions(
  market: string,
  startS: number,
  endS: number,
  signal: AbortSignal,
): Promise<TradingSession[]> {
  const query = { market, start: startS, end: endS }
  const answer = await request<{ sessions: TradingSession[] }>('GET', '/api/fenghuo/trading/sessions', { query, signal })
  return answer.sessions
}
