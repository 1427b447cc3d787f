import { expect, test } from 'vitest'

import { cut, labelText, legendOf } from './labels'

test('a label set is written as PromQL writes it', () => {
  expect(labelText({ job: 'node', __name__: 'up', instance: 'a "b"' })).toBe('up{instance="a \\"b\\"", job="node"}')
  expect(labelText({ __name__: 'up' })).toBe('up')
  expect(labelText({ job: 'node' })).toBe('{job="node"}')
  expect(labelText({})).toBe('{}')
})

test('what all series share is said once', () => {
  const { shared, names } = legendOf(
    [
      { __name__: 'cpu', cpu: '0', mode: 'idle', job: 'node' },
      { __name__: 'cpu', cpu: '1', mode: 'idle', job: 'node' },
    ],
    'cpu',
  )
  expect(shared).toEqual({ __name__: 'cpu', mode: 'idle', job: 'node' })
  expect(names).toEqual(['{cpu="0"}', '{cpu="1"}'])
})

test('names of metrics that differ stand before the labels, and a label that one lacks is nobody’s share', () => {
  const { shared, names } = legendOf([{ __name__: 'a', x: '1' }, { __name__: 'b' }], '{__name__=~"a|b"}')
  expect(shared).toEqual({})
  expect(names).toEqual(['a{x="1"}', 'b'])
})

test('one series is named in full, and by its expression when it has no labels', () => {
  expect(legendOf([{ __name__: 'up', job: 'node' }], 'up')).toEqual({ shared: {}, names: ['up{job="node"}'] })
  expect(legendOf([{}], 'sum(up)')).toEqual({ shared: {}, names: ['sum(up)'] })
  expect(legendOf([], 'up')).toEqual({ shared: {}, names: [] })
})

test('no more are shown than fit, and how many there were is known', () => {
  expect(cut([1, 2, 3], 2)).toEqual({ shown: [1, 2], all: 3 })
  expect(cut([1, 2], 2)).toEqual({ shown: [1, 2], all: 2 })
})
