import { expect, test } from 'vitest'

import { conditionOf, equalTo, matcherOf, matchersText, OPS, parseMatchers, testOf } from './matchers'

test.each([
  ['', []],
  ['{}', []],
  ['job=node', [{ name: 'job', op: '=', value: 'node' }]],
  [
    '{alertname="High, \\"very\\" high", instance!~"web-.*",}',
    [
      { name: 'alertname', op: '=', value: 'High, "very" high' },
      { name: 'instance', op: '!~', value: 'web-.*' },
    ],
  ],
  ['"a b"=~ "x\\\\d"', [{ name: 'a b', op: '=~', value: 'x\\d' }]],
  ['host=~"web-\\d"', [{ name: 'host', op: '=~', value: 'web-\\d' }]],
  ['team=', [{ name: 'team', op: '=', value: '' }]],
])('%s is read as matchers', (text, matchers) => {
  expect(parseMatchers(text)).toEqual(matchers)
})

test.each(['web-1', 'job=="node"', 'a="b" c="d"', '="b"', 'a="b'])('%s is no list of matchers', (text) => {
  expect(parseMatchers(text)).toBeNull()
})

test('what is written is read again, and so is what the API has', () => {
  const matchers = OPS.map((op) => ({ name: op === '=' ? 'my label' : 'job', op, value: 'a "b" \\d\n,{}' }))
  expect(parseMatchers(matchersText(matchers))).toEqual(matchers)
  expect(matchers.map(conditionOf).map(matcherOf)).toEqual(matchers)
})

const LABELS = { alertname: 'HighLoad', instance: 'web-1', empty: '' }

test.each([
  ['{alertname="HighLoad"}', true],
  ['{instance=~"web-."}', true],
  ['{instance=~"web"}', false],
  ['{instance=~"(?i)WEB-1"}', true],
  ['{instance!~"db.*", alertname!="X"}', true],
  ['{team=""}', true],
  ['{team!=""}', false],
])('%s holds for the labels: %s', (text, holds) => {
  expect(testOf(parseMatchers(text)!)!(LABELS)).toBe(holds)
})

test('a regex that is none is said to be none', () => {
  expect(testOf([{ name: 'a', op: '=~', value: '(' }])).toBeNull()
})

test('the name of the alert stands first in the matchers of its labels', () => {
  expect(matchersText(equalTo({ b: '1', alertname: 'X', a: '2' }))).toBe('{alertname="X", a="2", b="1"}')
})
