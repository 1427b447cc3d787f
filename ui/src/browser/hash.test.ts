import { expect, test } from 'vitest'

import { pathOfHash } from './hash'

test.each([
  ['/#/alerts?receiver=team', '/alerts?receiver=team'],
  ['/#/alerts?receiver=a%26b%20c', '/alerts?receiver=a%26b%20c'],
  ['/?from=mail#/silences', '/silences'],
  ['/', null],
  ['/#', null],
  ['/#/', null],
  ['/#alerts', null],
  ['/#//evil.example/alerts', null],
  ['/#/\\evil.example', null],
  ['/incidents/12#/alerts', null],
])('%s leads to %s', (address, path) => {
  expect(pathOfHash(address)).toBe(path)
})
