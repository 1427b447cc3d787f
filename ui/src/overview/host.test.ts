import { expect, test } from 'vitest'

import type { Series } from '@/api/prometheus'

import { cpuView, factsView, memoryView, networkView } from './host'

const GRID = { startMs: 0, stepMs: 15_000, count: 2 }
const series = (labels: Record<string, string>, ...values: number[]): Series => ({
  labels,
  points: values.map((value, index) => [index * 15, value]),
})

test('cpu is the sum of its modes, and modes without a name of their own are one', () => {
  const view = cpuView(
    [
      series({ mode: 'user' }, 10, 20),
      series({ mode: 'system' }, 5, 6),
      series({ mode: 'irq' }, 1, 1),
      series({ mode: 'softirq' }, 1, 2),
    ],
    GRID,
  )
  expect(view.usedPercent).toBe(29)
  expect(view.other).toEqual([2, 3])
  expect(view.iowait).toEqual([null, null])
})

test('used memory is what is not available; cache is what is available but not free', () => {
  const view = memoryView(
    [
      series({ __name__: 'node_memory_MemTotal_bytes' }, 200, 200),
      series({ __name__: 'node_memory_MemAvailable_bytes' }, 150, 100),
      series({ __name__: 'node_memory_MemFree_bytes' }, 50, 60),
    ],
    GRID,
  )
  expect(view.usedPercent).toBe(50)
  expect([view.usedBytes, view.totalBytes]).toEqual([100, 200])
  expect(view.cache).toEqual([50, 20])
})

test('a host without an answer has nothing to show, not zero', () => {
  expect(cpuView([], GRID).usedPercent).toBeNull()
  expect(memoryView([], GRID).usedPercent).toBeNull()
  expect(networkView([], [], GRID)).toMatchObject({ receiveNow: null, transmitNow: null })
  expect(factsView([], [])).toEqual({ load: [null, null, null], bootTimeS: null, system: '', cores: null })
})
