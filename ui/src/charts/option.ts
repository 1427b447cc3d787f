/** From rows of values to what ECharts draws. Pure: colours and texts come in. */

import type { EChartsCoreOption } from 'echarts/core'

import { formatBytes, formatPercent, formatTick, formatValue } from '@/format/number'
import { formatClock, formatDayClock, formatMoment } from '@/format/time'
import type { Band } from '@/sessions/bands'
import type { Token, Tokens } from '@/theme/tokens'

import { bytesAxis, numberAxis, percentAxis, type Axis } from './axis'
import { isEmpty, type Grid, type Row } from './grid'

export type Unit = 'percent' | 'bytesPerSecond' | 'number'

export interface Line {
  name: string
  row: Row
  tone: Token
  /** Drawn as a shade without an edge: there to be seen beside the others, not to be judged. */
  faint?: boolean
  /** Tells lines of one tone apart; solid when absent. */
  dash?: 'dashed' | 'dotted'
}

export interface Chart {
  grid: Grid
  lines: readonly Line[]
  unit: Unit
  /** Areas on top of each other, for parts of a whole. */
  stacked?: boolean
  /** The whole scale (0 to 100 %) even when the values stay near the ground. */
  wholeScale?: boolean
  /** Where the alerting rule looks; drawn when it lies on the scale. */
  threshold?: number
  /** Which market its series are about, when their labels say so. */
  market?: string
  /** The time axis is the whole grid, even where its beginning has no samples. */
  wholeRange?: boolean
}

export function formatUnit(value: number | null, unit: Unit): string {
  if (unit === 'percent') return value === null ? '–' : `${formatPercent(value)} %`
  if (unit === 'number') return value === null ? '–' : formatValue(value)
  return value === null ? '–' : `${formatBytes(value)}/s`
}

export function hasSamples(chart: Chart): boolean {
  return chart.lines.some((line) => !isEmpty(line.row))
}

/** The highest point drawn: of the sum where areas are stacked. */
export function highestOf(chart: Chart): number {
  let highest = 0
  for (let index = 0; index < chart.grid.count; index += 1) {
    const values = chart.lines.map((line) => line.row[index] ?? 0)
    const top = chart.stacked ? values.reduce((total, value) => total + value, 0) : Math.max(...values)
    highest = Math.max(highest, top)
  }
  return highest
}

function numberAxisOf(chart: Chart): Axis {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { row } of chart.lines) {
    for (const value of row) {
      if (value === null) continue
      lowest = Math.min(lowest, value)
      highest = Math.max(highest, value)
    }
  }
  return lowest > highest ? numberAxis(0, 1) : numberAxis(lowest, highest)
}

function axisOf(chart: Chart): Axis {
  if (chart.unit === 'number') return numberAxisOf(chart)
  if (chart.unit === 'bytesPerSecond') return bytesAxis(highestOf(chart))
  return chart.wholeScale ? { max: 100, interval: 25 } : percentAxis(highestOf(chart))
}

export interface TooltipPoint {
  seriesIndex: number
  value: [number, number | null]
}

export function chartOption(
  chart: Chart,
  bands: readonly Band[],
  tokens: Tokens,
  tooltip: (points: TooltipPoint[]) => HTMLElement,
): EChartsCoreOption {
  const axis = axisOf(chart)
  return {
    animation: false,
    textStyle: { fontFamily: tokens.font },
    grid: { left: 2, right: 10, top: 10, bottom: 2, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    xAxis: timeAxis(chart, tokens),
    yAxis: {
      type: 'value',
      min: 0,
      ...axis,
      axisLabel: {
        color: tokens.faint,
        fontSize: 11,
        formatter: (value: number) => tickText(value, chart.unit, axis.interval),
      },
      splitLine: { lineStyle: { color: tokens.grid } },
    },
    tooltip: {
      trigger: 'axis',
      textStyle: { fontFamily: tokens.font },
      confine: true,
      padding: 0,
      borderWidth: 0,
      backgroundColor: 'transparent',
      extraCssText: 'box-shadow:none',
      transitionDuration: 0,
      axisPointer: { type: 'line', lineStyle: { color: tokens.faint, type: 'solid', width: 1 } },
      formatter: (points: TooltipPoint[]) => tooltip(points),
    },
    series: chart.lines.map((line, index) => ({
      ...seriesOf(chart, line, index, tokens, axis),
      ...(index === 0 ? areaOf(bands, tokens) : {}),
    })),
  }
}

function tickText(value: number, unit: Unit, interval: number): string {
  if (unit === 'number') return formatTick(value, interval)
  return unit === 'percent' ? `${value}%` : `${formatBytes(value)}/s`
}

/** A history shorter than the grid is shown from here on, so that a young server shows a curve and not a sliver. */
const SHOWN_MS_MIN = 10 * 60_000
const FROM_ROUNDED_MS = 5 * 60_000

/** Where the time axis begins: at the first sample, rounded down so that charts side by side begin together. */
export function shownFromMs(chart: Chart): number {
  const { startMs, stepMs, count } = chart.grid
  if (chart.wholeRange) return startMs
  const starts = chart.lines.map((line) => line.row.findIndex((value) => value !== null)).filter((index) => index >= 0)
  const firstMs = startMs + (starts.length ? Math.min(...starts) : 0) * stepMs
  const latestMs = startMs + (count - 1) * stepMs - SHOWN_MS_MIN
  return Math.max(startMs, Math.floor(Math.min(firstMs, latestMs) / FROM_ROUNDED_MS) * FROM_ROUNDED_MS)
}

/** A range longer than this tells the day beside the hour. */
const DAY_MS = 86_400_000

function timeAxis(chart: Chart, tokens: Tokens): object {
  const { startMs, stepMs, count } = chart.grid
  const format = (count - 1) * stepMs > DAY_MS ? formatDayClock : formatClock
  return {
    type: 'time',
    min: shownFromMs(chart),
    max: startMs + (count - 1) * stepMs,
    axisLine: { lineStyle: { color: tokens.border } },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: { color: tokens.faint, fontSize: 11, hideOverlap: true, formatter: (ms: number) => format(ms) },
  }
}

function seriesOf(chart: Chart, line: Line, index: number, tokens: Tokens, axis: Axis): object {
  const color = tokens[line.tone]
  const { startMs, stepMs } = chart.grid
  return {
    type: 'line',
    name: line.name,
    data: line.row.map((value, step) => [startMs + step * stepMs, value]),
    // Where no sample is there is no line: an outage must look like one.
    connectNulls: false,
    // A single sample between two gaps would be invisible as a line.
    showSymbol: true,
    symbol: 'circle',
    symbolSize: (_value: unknown, point: { dataIndex: number }) => (isAlone(line.row, point.dataIndex) ? 3 : 0),
    lineStyle: { width: line.faint ? 0 : 1.6, color, type: line.dash ?? 'solid' },
    itemStyle: { color },
    emphasis: { disabled: true },
    ...(chart.stacked ? { stack: 'all', areaStyle: { color, opacity: line.faint ? 0.14 : 0.22 } } : {}),
    ...(!chart.stacked && chart.lines.length === 1 ? { areaStyle: { color, opacity: 0.1 } } : {}),
    ...(index === 0 ? markOf(chart, tokens, axis) : {}),
  }
}

function isAlone(row: Row, index: number): boolean {
  return row[index] != null && row[index - 1] == null && row[index + 1] == null
}

function markOf(chart: Chart, tokens: Tokens, axis: Axis): object {
  if (chart.threshold === undefined || chart.threshold > axis.max) return {}
  return {
    markLine: {
      silent: true,
      symbol: 'none',
      label: { show: false },
      lineStyle: { color: tokens.critical, type: [4, 4], width: 1, opacity: 0.55 },
      data: [{ yAxis: chart.threshold }],
    },
  }
}

/** Sessions lie behind everything, pale: day and night differ, and neither takes the eye from the line. */
function areaOf(bands: readonly Band[], tokens: Tokens): object {
  if (!bands.length) return {}
  const styles = { day: { color: tokens['series-3'], opacity: 0.1 }, night: { color: tokens['series-4'], opacity: 0.13 } }
  const data = bands.map(({ fromMs, untilMs, night }) => [
    { xAxis: fromMs, itemStyle: night ? styles.night : styles.day },
    { xAxis: untilMs },
  ])
  return { markArea: { silent: true, z: -1, label: { show: false }, data } }
}

/** More entries than these would hide the chart; the highest are the ones asked about. */
const ENTRIES_MAX = 12

function highestFirst(points: readonly TooltipPoint[]): TooltipPoint[] {
  if (points.length <= ENTRIES_MAX) return [...points]
  const height = (point: TooltipPoint): number => point.value[1] ?? Number.NEGATIVE_INFINITY
  return [...points].sort((left, right) => height(right) - height(left)).slice(0, ENTRIES_MAX)
}

/** The box under the pointer, built of text nodes: names are labels, and labels are written by strangers. */
export function tooltipElement(chart: Chart, tokens: Tokens, points: TooltipPoint[]): HTMLElement {
  const box = document.createElement('div')
  box.className = 'chart-tooltip figures'
  const time = box.appendChild(document.createElement('div'))
  time.className = 'chart-tooltip-time'
  time.textContent = formatMoment(points[0]?.value[0] ?? Number.NaN)
  for (const point of highestFirst(points)) {
    const line = chart.lines[point.seriesIndex]
    if (!line) continue
    const entry = box.appendChild(document.createElement('div'))
    entry.className = 'chart-tooltip-entry'
    const key = entry.appendChild(document.createElement('i'))
    key.style.background = tokens[line.tone]
    entry.appendChild(document.createElement('span')).textContent = line.name
    entry.appendChild(document.createElement('b')).textContent = formatUnit(point.value[1] ?? null, chart.unit)
  }
  if (points.length > ENTRIES_MAX) {
    const rest = box.appendChild(document.createElement('div'))
    rest.className = 'chart-tooltip-time'
    rest.textContent = `+ ${points.length - ENTRIES_MAX}`
  }
  return box
}
