import { expect, test } from 'vitest'

import { bytesAxis, numberAxis, percentAxis } from './axis'

test.each([
  [0, { max: 10, interval: 2.5 }],
  [1.2, { max: 10, interval: 2.5 }],
  [22, { max: 40, interval: 10 }],
  [40, { max: 80, interval: 20 }],
  [88, { max: 100, interval: 25 }],
  [99, { max: 100, interval: 25 }],
])('a highest of %s %% gets an axis of round ticks', (highest, axis) => {
  expect(percentAxis(highest)).toEqual(axis)
})

const KIB = 1024
const MIB = 1024 ** 2

test.each([
  [0, { max: KIB, interval: 256 }],
  [3.7 * MIB, { max: 4 * MIB, interval: MIB }],
  [700 * KIB, { max: 768 * KIB, interval: 256 * KIB }],
  [120 * MIB, { max: 128 * MIB, interval: 32 * MIB }],
])('a highest of %s bytes gets ticks on powers of two', (highest, axis) => {
  expect(bytesAxis(highest)).toEqual(axis)
})

test.each([
  [0, 0, { min: 0, max: 1 }],
  [0.2, 3.7, { min: 0, max: 4 }],
  [-3, 5, { min: -4, max: 6 }],
  [-8, -1, { min: -8, max: 0 }],
  [1000, 1003, { min: 1000, max: 1003 }],
  [7, 7, { min: 0, max: 8 }],
])('values from %s to %s stand on round ticks, and on the ground unless they hardly move', (lowest, highest, wanted) => {
  expect(numberAxis(lowest, highest)).toMatchObject(wanted)
})
