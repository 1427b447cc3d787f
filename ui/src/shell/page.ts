/** What every page does that shows data of the server: ask again and again, keep what it has, say what is wrong. */

import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

import { ApiError, serverNowMs } from '@/api/client'
import { useNow, usePolling } from '@/browser/polling'
import { formatAge } from '@/format/time'
import { useI18n } from '@/i18n'
import { forgetSession, loadStatus, serverStatus } from '@/session/session'

import { problemOf, type Problem } from './problem'

/** Leads to sign-in when the session is over; true when it did. */
export function useSignedOut(): (error: unknown) => Promise<boolean> {
  const route = useRoute()
  const router = useRouter()
  return async (error) => {
    if (!(error instanceof ApiError && error.status === 401)) return false
    forgetSession()
    await router.push({ name: 'sign-in', query: { next: route.fullPath } })
    return true
  }
}

/** How a page stands, as its frame shows it. */
export interface PageState {
  loaded: ComputedRef<boolean>
  problem: ShallowRef<Problem | null>
  busy: Ref<boolean>
  /** How old what is shown is, in words. */
  age: ComputedRef<string>
  refresh: () => Promise<void>
}

export interface PageData<T> {
  data: ShallowRef<T | null>
  /** The server's time, every second. */
  nowMs: Ref<number>
  state: PageState
}

export const RENEWED_MS = 15_000

/**
 * `load` is asked at once and every 15 seconds while somebody looks; what it gave stays when it fails. `intervalMs` says
 * how soon what was given last is worth another look.
 */
export function usePageData<T>(
  load: (signal: AbortSignal) => Promise<T>,
  intervalMs: (data: T | null) => number = () => RENEWED_MS,
): PageData<T> {
  const { t } = useI18n()
  const signedOut = useSignedOut()
  const data: ShallowRef<T | null> = shallowRef(null)
  const problem = shallowRef<Problem | null>(null)
  const atMs = ref(0)
  const nowMs = useNow(serverNowMs)
  const { refresh, busy } = usePolling(async (signal) => {
    try {
      if (!serverStatus.value) await loadStatus()
      const found = await load(signal)
      if (signal.aborted) return
      data.value = found
      problem.value = null
      nowMs.value = atMs.value = serverNowMs()
    } catch (error) {
      if (!signal.aborted && !(await signedOut(error))) problem.value = problemOf(error)
    }
  }, () => intervalMs(data.value))
  const age = computed(() => formatAge((nowMs.value - atMs.value) / 1000, t.value.time))
  return { data, nowMs, state: { loaded: computed(() => data.value !== null), problem, busy, age, refresh } }
}

export interface Actions {
  /** The name of what is under way; empty when nothing is. */
  running: Ref<string>
  problem: ShallowRef<Problem | null>
  /** Whether it was done. One at a time: a second one is not begun. */
  run: (name: string, work: () => Promise<unknown>) => Promise<boolean>
}

/** Changes that a person asks for. What is shown changes when the server said yes, by `after`. */
export function useActions(after: () => Promise<void> = async () => {}): Actions {
  const signedOut = useSignedOut()
  const running = ref('')
  const problem = shallowRef<Problem | null>(null)
  async function run(name: string, work: () => Promise<unknown>): Promise<boolean> {
    if (running.value) return false
    running.value = name
    problem.value = null
    try {
      await work()
      await after()
      return true
    } catch (error) {
      if (!(await signedOut(error))) problem.value = problemOf(error)
      return false
    } finally {
      running.value = ''
    }
  }
  return { running, problem, run }
}
