import { expect, test } from 'vitest'

import type { Band } from '@/sessions/bands'
import type { Tokens } from '@/theme/tokens'

import { chartOption, formatUnit, hasSamples, highestOf, shownFromMs, type Chart } from './option'

const TOKENS = new Proxy({}, { get: (_target, name) => `color of ${String(name)}` }) as Tokens
const GRID = { startMs: 60_000, stepMs: 15_000, count: 3 }
const CHART: Chart = {
  grid: GRID,
  unit: 'percent',
  stacked: true,
  threshold: 80,
  lines: [
    { name: 'User', row: [40, null, 50], tone: 'series-1' },
    { name: 'System', row: [10, null, 35], tone: 'series-2' },
  ],
}

interface Drawn {
  data: unknown[]
  connectNulls: boolean
  stack?: string
  markLine?: { data: unknown[] }
  markArea?: { data: unknown[] }
}

const drawn = (chart: Chart, bands: Band[] = []): Drawn[] =>
  (chartOption(chart, bands, TOKENS, () => null as never) as unknown as { series: Drawn[] }).series

test('every step of the grid is drawn, and absent ones are not bridged', () => {
  const [user] = drawn(CHART)
  expect(user?.data).toEqual([
    [60_000, 40],
    [75_000, null],
    [90_000, 50],
  ])
  expect(user?.connectNulls).toBe(false)
})

test('the highest point of stacked areas is that of their sum', () => {
  expect(highestOf(CHART)).toBe(85)
  expect(highestOf({ ...CHART, stacked: false })).toBe(50)
})

test('the threshold is drawn once, and only where the scale reaches it', () => {
  expect(drawn(CHART).map((line) => line.markLine?.data)).toEqual([[{ yAxis: 80 }], undefined])
  const quiet = { ...CHART, lines: [{ ...CHART.lines[0]!, row: [1, 2, 3] }] }
  expect(drawn(quiet)[0]?.markLine).toBeUndefined()
})

test('sessions are drawn once, whatever the lines', () => {
  const found = drawn(CHART, [{ fromMs: 60_000, untilMs: 70_000, night: true }]).map((line) => line.markArea?.data)
  expect(found[0]).toMatchObject([[{ xAxis: 60_000, itemStyle: { color: 'color of series-4' } }, { xAxis: 70_000 }]])
  expect(found[1]).toBeUndefined()
  expect(drawn(CHART)[0]?.markArea).toBeUndefined()
})

test('a chart without a single sample is known as such', () => {
  expect(hasSamples(CHART)).toBe(true)
  expect(hasSamples({ ...CHART, lines: [{ name: 'User', row: [null, null, null], tone: 'series-1' }] })).toBe(false)
  expect(hasSamples({ ...CHART, lines: [] })).toBe(false)
})

test('a young history is shown from its first five minutes on, a full one whole', () => {
  const hour = { startMs: 7_215_000, stepMs: 15_000, count: 241 }
  const from = (first: number): number => {
    const row = Array.from({ length: hour.count }, (_value, index) => (index < first ? null : 1))
    return shownFromMs({ grid: hour, unit: 'percent', lines: [{ name: 'User', row, tone: 'series-1' }] })
  }
  expect(from(0)).toBe(hour.startMs)
  expect(from(120)).toBe(9_000_000)
  expect(from(240)).toBe(10_200_000)
  expect(shownFromMs({ grid: hour, unit: 'percent', lines: [] })).toBe(hour.startMs)
})

test('values carry their unit', () => {
  expect(formatUnit(12.34, 'percent')).toBe('12.3 %')
  expect(formatUnit(1536, 'bytesPerSecond')).toBe('1.5 KiB/s')
  expect(formatUnit(null, 'percent')).toBe('–')
})
