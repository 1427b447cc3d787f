/** One evaluation of a question: the chart's range query or the table's instant query. */

import { evaluateInstant, evaluateRange, type InstantRow, type Labels, type Notes } from '@/api/prometheus'
import { align, gridOf, spanUntil, type Grid, type Row } from '@/charts/grid'

import { DEFAULT_RANGE, parseRange, stepOf, type Question } from './question'

export interface Curve {
  labels: Labels
  row: Row
}

export type Answer = Notes & { question: Question } & (
    | { kind: 'chart'; grid: Grid; curves: Curve[] }
    | { kind: 'table'; atMs: number; rows: InstantRow[] }
  )

/** Throws ApiError with the server's words when the expression is refused, UnreachableError when nobody answers. */
export async function answerOf(question: Question, nowMs: number, signal: AbortSignal): Promise<Answer> {
  if (question.tab === 'table') {
    const result = await evaluateInstant(question.expr, nowMs / 1000, signal)
    return { kind: 'table', question, atMs: nowMs, ...result }
  }
  const rangeS = parseRange(question.range) ?? parseRange(DEFAULT_RANGE)!
  const stepS = stepOf(rangeS)
  const span = spanUntil(nowMs, Math.ceil(rangeS / stepS) * stepS, stepS, Math.floor(nowMs / 1000))
  const grid = gridOf(span)
  const { series, warnings, infos } = await evaluateRange(question.expr, span, signal)
  const curves = series.map(({ labels, points }) => ({ labels, row: align(points, grid) }))
  return { kind: 'chart', question, grid, curves, warnings, infos }
}
