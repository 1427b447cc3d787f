/** When markets are open. */

import { request } from './client'

/** A stretch of trading without a break; `close_ms` is exclusive. */
export interface TradingSession {
  open_ms: number
  close_ms: number
  trading_day: string
  night: boolean
}

export const fetchMarkets = (): Promise<string[]> => request('GET', '/api/fenghuo/trading/markets')

export async function fetchSessions(market: string, startS: number, endS: number): Promise<TradingSession[]> {
  const query = { market, start: startS, end: endS }
  const answer = await request<{ sessions: TradingSession[] }>('GET', '/api/fenghuo/trading/sessions', { query })
  return answer.sessions
}
