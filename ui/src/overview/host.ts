/** From answers of the Prometheus API to what the cards show. Pure. */

import type { Sample, Series } from '@/api/prometheus'
import { align, combine, latest, sum, type Grid, type Row } from '@/charts/grid'

import { filesystemsOf, type Filesystem } from './filesystems'
import { metricName } from './queries'

export interface CpuView {
  grid: Grid
  usedPercent: number | null
  user: Row
  system: Row
  iowait: Row
  other: Row
}

export interface MemoryView {
  grid: Grid
  usedPercent: number | null
  usedBytes: number | null
  totalBytes: number | null
  /** Percent of the total. */
  used: Row
  /** Percent of the total that is occupied but given back on demand. */
  cache: Row
}

export interface DiskView {
  grid: Grid
  filesystems: Filesystem[]
}

export interface NetworkView {
  grid: Grid
  receive: Row
  transmit: Row
  receiveNow: number | null
  transmitNow: number | null
}

export interface Facts {
  load: (number | null)[]
  bootTimeS: number | null
  system: string
  cores: number | null
}

export function cpuView(series: readonly Series[], grid: Grid): CpuView {
  const rowsOf = (wanted: (mode: string) => boolean): Row[] =>
    series.filter((one) => wanted(one.labels['mode'] ?? '')).map((one) => align(one.points, grid))
  const named = ['user', 'system', 'iowait']
  return {
    grid,
    usedPercent: latest(
      sum(
        rowsOf(() => true),
        grid.count,
      ),
    ),
    user: sum(
      rowsOf((mode) => mode === 'user'),
      grid.count,
    ),
    system: sum(
      rowsOf((mode) => mode === 'system'),
      grid.count,
    ),
    iowait: sum(
      rowsOf((mode) => mode === 'iowait'),
      grid.count,
    ),
    other: sum(
      rowsOf((mode) => !named.includes(mode)),
      grid.count,
    ),
  }
}

export function memoryView(series: readonly Series[], grid: Grid): MemoryView {
  const rowOf = (name: string): Row => {
    const found = series.find((one) => metricName(one.labels) === `node_memory_${name}_bytes`)
    return align(found?.points ?? [], grid)
  }
  const total = rowOf('MemTotal')
  const available = rowOf('MemAvailable')
  const usedBytes = combine(total, available, (all, free) => all - free)
  const cacheBytes = combine(available, rowOf('MemFree'), (free, idle) => Math.max(0, free - idle))
  const share = (part: Row): Row => combine(part, total, (bytes, all) => (all > 0 ? (100 * bytes) / all : 0))
  const used = share(usedBytes)
  return {
    grid,
    usedPercent: latest(used),
    usedBytes: latest(usedBytes),
    totalBytes: latest(total),
    used,
    cache: share(cacheBytes),
  }
}

export function diskView(series: readonly Series[], grid: Grid): DiskView {
  return { grid, filesystems: filesystemsOf(series, grid) }
}

export function networkView(receive: readonly Series[], transmit: readonly Series[], grid: Grid): NetworkView {
  const [inRow, outRow] = [receive, transmit].map((series) => align(series[0]?.points ?? [], grid)) as [Row, Row]
  return { grid, receive: inRow, transmit: outRow, receiveNow: latest(inRow), transmitNow: latest(outRow) }
}

export function factsView(samples: readonly Sample[], cores: readonly Sample[]): Facts {
  const valueOf = (name: string): number | null =>
    samples.find((sample) => metricName(sample.labels) === name)?.value ?? null
  const uname = samples.find((sample) => metricName(sample.labels) === 'node_uname_info')?.labels ?? {}
  return {
    load: ['node_load1', 'node_load5', 'node_load15'].map(valueOf),
    bootTimeS: valueOf('node_boot_time_seconds'),
    system: [uname['sysname'], uname['release']].filter(Boolean).join(' '),
    cores: cores[0]?.value ?? null,
  }
}
