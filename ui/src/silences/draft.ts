/** A silence while somebody writes it, and what is still wrong with it. Pure. */

import type { Silence, SilenceDraft } from '@/api/alertmanager'
import { fieldMoment, fieldText } from '@/format/field'
import { conditionOf, matcherOf, type Matcher } from '@/matchers/matchers'

export interface Draft {
  /** Empty: a new one. */
  id: string
  matchers: Matcher[]
  /** As fields hold them; empty: now. */
  start: string
  end: string
  createdBy: string
  comment: string
}

export const DURATIONS_S = [1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 604_800] as const
export const DEFAULT_DURATION_S = 7_200

export type Flaw = 'noMatchers' | 'matchesAll' | 'badRegex' | 'noEnd' | 'endBeforeStart' | 'endPast' | 'noComment'

/** Fields hold minutes: a silence is rather some seconds longer than was asked for than shorter. */
export const endField = (ms: number): string => fieldText(ms + 59_999)

export function newDraft(matchers: readonly Matcher[], author: string, nowMs: number): Draft {
  return {
    id: '',
    matchers: matchers.length ? [...matchers] : [{ name: '', op: '=', value: '' }],
    start: '',
    end: endField(nowMs + DEFAULT_DURATION_S * 1_000),
    createdBy: author,
    comment: '',
  }
}

/** What is over is written anew, from now on and for as long as it lasted. */
export function draftOf(silence: Silence, author: string, nowMs: number): Draft {
  const [startMs, endMs] = [Date.parse(silence.startsAt), Date.parse(silence.endsAt)]
  const isOver = silence.status.state === 'expired'
  return {
    id: isOver ? '' : silence.id,
    matchers: silence.matchers.map(matcherOf),
    start: isOver ? '' : fieldText(startMs),
    end: isOver ? endField(nowMs + (endMs - startMs)) : fieldText(endMs),
    createdBy: author || silence.createdBy,
    comment: silence.comment,
  }
}

export const writtenMatchers = (draft: Draft): Matcher[] => draft.matchers.filter(({ name }) => name.trim())

/** The first thing that is wrong; null when the server can be asked. */
export function flawOf(draft: Draft, nowMs: number): Flaw | null {
  const matchers = writtenMatchers(draft)
  if (!matchers.length) return 'noMatchers'
  if (matchers.some(({ op, value }) => op.endsWith('~') && !isRegex(value))) return 'badRegex'
  if (matchers.every(matchesEmpty)) return 'matchesAll'
  const endMs = fieldMoment(draft.end)
  if (Number.isNaN(endMs)) return 'noEnd'
  if (endMs <= nowMs) return 'endPast'
  if (draft.start && endMs <= fieldMoment(draft.start)) return 'endBeforeStart'
  return draft.comment.trim() ? null : 'noComment'
}

/** The server refuses silences all of whose matchers also hold for labels that are missing: they mean everything. */
function matchesEmpty({ op, value }: Matcher): boolean {
  if (op === '=') return value === ''
  if (op === '!=') return value !== ''
  return new RegExp(`^(?:${bare(value)})$`).test('') === (op === '=~')
}

/** Without Go's flags, which browsers do not know; the server judges the rest. */
const bare = (regex: string): string => regex.replace(/^\(\?[a-zA-Z]+\)/, '')

function isRegex(text: string): boolean {
  try {
    return Boolean(new RegExp(bare(text)))
  } catch {
    return false
  }
}

/** `draft` without flaws, as the API takes it. A start that is over already stays: the server knows that it began. */
export function requestOf(draft: Draft, nowMs: number): SilenceDraft {
  const startMs = draft.start ? fieldMoment(draft.start) : nowMs
  return {
    ...(draft.id ? { id: draft.id } : {}),
    matchers: writtenMatchers(draft).map((matcher) => conditionOf({ ...matcher, name: matcher.name.trim() })),
    startsAt: new Date(startMs).toISOString(),
    endsAt: new Date(fieldMoment(draft.end)).toISOString(),
    createdBy: draft.createdBy.trim() || 'panel',
    comment: draft.comment.trim(),
  }
}
