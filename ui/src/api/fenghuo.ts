/** Our own API: session, status, notifications. */

import { request } from './client'

export interface User {
  name: string
  role: string
}

export interface Session {
  user: User
  csrf_token: string
}

export interface Status {
  version: string
  started_at_ms: number
  hostname: string
  /** False when the server was started without sign-in. */
  auth: boolean
  language: string
}

export interface Notification {
  receiver: string
  channel: string
  status: string
  reason: string
  error: string
  attempts: number
  group_key: string
  at_ms: number
}

export const fetchStatus = (): Promise<Status> => request('GET', '/api/fenghuo/status')

export const fetchSession = (): Promise<Session> => request('GET', '/api/fenghuo/session')

export const createSession = (name: string, password: string): Promise<Session> =>
  request('POST', '/api/fenghuo/session', { body: { name, password } })

export const deleteSession = (): Promise<void> => request('DELETE', '/api/fenghuo/session')

export async function fetchNotifications(limit: number, signal: AbortSignal): Promise<Notification[]> {
  const answer = await request<{ notifications: Notification[] }>('GET', '/api/fenghuo/notifications', {
    query: { limit },
    signal,
  })
  return answer.notifications
}
