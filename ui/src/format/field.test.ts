import { expect, test } from 'vitest'

import { fieldMoment, fieldText } from './field'

test('a moment survives its field, to the minute', () => {
  const ms = new Date(2026, 1, 3, 4, 5, 59).getTime()
  expect(fieldText(ms)).toBe('2026-02-03T04:05')
  expect(fieldMoment(fieldText(ms))).toBe(new Date(2026, 1, 3, 4, 5).getTime())
  expect(fieldMoment('')).toBeNaN()
})
