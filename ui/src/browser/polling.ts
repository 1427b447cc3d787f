/** Work that is repeated while somebody looks: not in a hidden tab, and at once when the tab is shown again. */

import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'

export interface Polling {
  /** Run now; what was under way is given up. */
  refresh: () => Promise<void>
  /** Whether a round is under way. */
  busy: Ref<boolean>
}

/**
 * `work` gets a signal that ends the round; it reports its own errors and must not throw. `intervalMs` is asked after
 * each round.
 */
export function usePolling(work: (signal: AbortSignal) => Promise<void>, intervalMs: () => number): Polling {
  const busy = ref(false)
  let timer = 0
  let round: AbortController | null = null

  async function refresh(): Promise<void> {
    round?.abort()
    window.clearTimeout(timer)
    const mine = new AbortController()
    round = mine
    busy.value = true
    await work(mine.signal)
    if (mine.signal.aborted) return
    busy.value = false
    if (!document.hidden) timer = window.setTimeout(() => void refresh(), intervalMs())
  }

  function onVisibility(): void {
    if (document.hidden) window.clearTimeout(timer)
    else void refresh()
  }

  onMounted(() => {
    document.addEventListener('visibilitychange', onVisibility)
    void refresh()
  })
  onBeforeUnmount(() => {
    document.removeEventListener('visibilitychange', onVisibility)
    window.clearTimeout(timer)
    round?.abort()
  })
  return { refresh, busy }
}

/** The time by `read`, renewed every second while the tab is shown. */
export function useNow(read: () => number): Ref<number> {
  const now = ref(read())
  let timer = 0
  onMounted(() => {
    timer = window.setInterval(() => {
      if (!document.hidden) now.value = read()
    }, 1_000)
  })
  onBeforeUnmount(() => window.clearInterval(timer))
  return now
}
