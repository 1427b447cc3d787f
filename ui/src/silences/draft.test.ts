import { expect, test } from 'vitest'

import type { Silence } from '@/api/alertmanager'
import { fieldText } from '@/format/field'

import { draftOf, flawOf, newDraft, requestOf, type Draft } from './draft'

const NOW_MS = new Date(2026, 10, 21, 12, 0).getTime()
const HOUR_MS = 3_600_000
const GOOD: Draft = {
  ...newDraft([{ name: 'alertname', op: '=', value: 'HighLoad' }], 'li', NOW_MS),
  comment: 'being mended',
}

test('a draft of matchers needs nothing but a comment, and lasts two hours', () => {
  expect(flawOf({ ...GOOD, comment: ' ' }, NOW_MS)).toBe('noComment')
  expect(flawOf(GOOD, NOW_MS)).toBeNull()
  expect(requestOf(GOOD, NOW_MS)).toEqual({
    matchers: [{ name: 'alertname', value: 'HighLoad', isRegex: false, isEqual: true }],
    startsAt: new Date(NOW_MS).toISOString(),
    endsAt: new Date(NOW_MS + 2 * HOUR_MS).toISOString(),
    createdBy: 'li',
    comment: 'being mended',
  })
})

test.each<[Partial<Draft>, string]>([
  [{ matchers: [{ name: ' ', op: '=', value: 'x' }] }, 'noMatchers'],
  [{ matchers: [{ name: 'a', op: '=~', value: '(' }] }, 'badRegex'],
  [{ matchers: [{ name: 'a', op: '=~', value: '.*' }] }, 'matchesAll'],
  [{ matchers: [{ name: 'a', op: '!=', value: 'x' }] }, 'matchesAll'],
  [{ matchers: [{ name: 'a', op: '!~', value: 'x+' }] }, 'matchesAll'],
  [{ end: '' }, 'noEnd'],
  [{ end: fieldText(NOW_MS) }, 'endPast'],
  [{ start: fieldText(NOW_MS + 3 * HOUR_MS) }, 'endBeforeStart'],
])('%j is told as %s', (change, flaw) => {
  expect(flawOf({ ...GOOD, ...change }, NOW_MS)).toBe(flaw)
})

test('one matcher that needs a value is enough beside others that do not', () => {
  const matchers = [...GOOD.matchers, { name: 'team', op: '!=' as const, value: 'x' }]
  expect(flawOf({ ...GOOD, matchers }, NOW_MS)).toBeNull()
  expect(flawOf({ ...GOOD, matchers: [{ name: 'a', op: '=~', value: '(?i)web.*' }] }, NOW_MS)).toBeNull()
})

const SILENCE: Silence = {
  id: 'abc',
  status: { state: 'active' },
  matchers: [{ name: 'job', value: 'n.*', isRegex: true, isEqual: false }],
  startsAt: new Date(NOW_MS - HOUR_MS).toISOString(),
  endsAt: new Date(NOW_MS + HOUR_MS).toISOString(),
  updatedAt: '',
  createdBy: 'zhang',
  comment: 'why',
}

test('what holds is changed; what is over is made anew for as long as it was', () => {
  const held = draftOf(SILENCE, 'li', NOW_MS)
  expect(held).toMatchObject({ id: 'abc', matchers: [{ name: 'job', op: '!~', value: 'n.*' }], createdBy: 'li' })
  expect(held.end).toBe(fieldText(NOW_MS + HOUR_MS))
  const over = draftOf({ ...SILENCE, status: { state: 'expired' } }, 'li', NOW_MS)
  expect(over).toMatchObject({ id: '', start: '', end: fieldText(NOW_MS + 2 * HOUR_MS) })
})
