/** Which market's sessions stand behind charts: remembered by the browser, asked for once a day and market. */

import { ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'

import { fetchSessions, type TradingSession } from '@/api/trading'
import { recall, remember } from '@/browser/memory'
import { problemOf, type Problem } from '@/shell/problem'

import { bandsOf, daySpanOf, type Band } from './bands'

/** `auto`: the market that the series' labels name; `off`; or a market. */
const choice = ref(recall('sessions') ?? 'auto')
const problem = shallowRef<Problem | null>(null)

export function setSessions(chosen: string): void {
  choice.value = chosen
  problem.value = null
  remember('sessions', chosen)
}

export function useSessions(): { choice: Ref<string>; problem: ShallowRef<Problem | null> } {
  return { choice, problem }
}

const CACHED_MAX = 16
const cache = new Map<string, Promise<TradingSession[]>>()

function sessionsOf(market: string, startS: number, endS: number): Promise<TradingSession[]> {
  const key = `${market} ${startS} ${endS}`
  const known = cache.get(key)
  if (known) return known
  const asked = fetchSessions(market, startS, endS)
  asked.catch(() => cache.delete(key))
  cache.set(key, asked)
  if (cache.size > CACHED_MAX) cache.delete(cache.keys().next().value!)
  return asked
}

export interface Shown {
  startMs: number
  endMs: number
  /** What the labels name; empty: nothing. */
  market: string
}

/** The bands behind a chart; none while they are not there, and where they cannot be had. */
export function useBands(shown: () => Shown): ShallowRef<Band[]> {
  const bands = shallowRef<Band[]>([])
  let round = 0
  watch(
    () => [choice.value, shown()] as const,
    async ([chosen, { startMs, endMs, market }]) => {
      round += 1
      const mine = round
      const wanted = chosen === 'auto' ? market : chosen === 'off' ? '' : chosen
      const span = wanted ? daySpanOf(startMs, endMs) : null
      const found = span ? await sessionsOrNone(wanted, span.startS, span.endS, chosen !== 'auto') : []
      if (mine === round) bands.value = bandsOf(found, startMs, endMs)
    },
    { immediate: true },
  )
  return bands
}

/** What labels name may be no market that the server knows: only a market that a person chose is worth a complaint. */
async function sessionsOrNone(market: string, startS: number, endS: number, chosen: boolean): Promise<TradingSession[]> {
  try {
    return await sessionsOf(market, startS, endS)
  } catch (error) {
    const found = problemOf(error)
    if (chosen) problem.value = found
    return []
  }
}
