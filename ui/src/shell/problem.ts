/** Why something did not go. Pure. */

import { ApiError, UnreachableError } from '@/api/client'

/** Nobody answered, or the server's words. */
export type Problem = { kind: 'unreachable' } | { kind: 'refused'; status: number; message: string; remedy: string }

/** Throws what is neither an answer nor the lack of one. */
export function problemOf(error: unknown): Problem {
  if (error instanceof UnreachableError) return { kind: 'unreachable' }
  if (!(error instanceof ApiError)) throw error
  return { kind: 'refused', status: error.status, message: error.message, remedy: error.remedy }
}
