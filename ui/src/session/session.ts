/** Who is signed in, and what the server is. One per page, reactive. */

import { computed, shallowRef } from 'vue'

import { ApiError, setCsrfToken } from '@/api/client'
import { createSession, deleteSession, fetchSession, fetchStatus, type Session, type Status } from '@/api/fenghuo'

/** undefined: not asked yet; null: signed out. */
const current = shallowRef<Session | null | undefined>(undefined)
const status = shallowRef<Status | null>(null)

export const user = computed(() => current.value?.user ?? null)
/** Whether this person may change things; the server asks for no less. */
export const mayAct = computed(() => user.value !== null && user.value.role !== 'viewer')
export const serverStatus = computed(() => status.value)

function take(session: Session | null): void {
  current.value = session
  setCsrfToken(session?.csrf_token ?? '')
}

/** Ask the server once who we are. Throws UnreachableError, or ApiError for anything but "signed out". */
export async function loadSession(): Promise<boolean> {
  if (current.value === undefined) {
    try {
      take(await fetchSession())
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) throw error
      take(null)
    }
  }
  return current.value !== null
}

export async function loadStatus(): Promise<void> {
  status.value = await fetchStatus()
}

export async function signIn(name: string, password: string): Promise<void> {
  take(await createSession(name, password))
}

export async function signOut(): Promise<void> {
  if (current.value) await deleteSession()
  take(null)
}

/** The server said 401 to a request: the session ended there. */
export function forgetSession(): void {
  take(null)
}
