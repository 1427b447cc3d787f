/** The series colours in their order; the order is part of the design, not a cycle to be reshuffled. */
export const SERIES_TONES = ['series-1', 'series-2', 'series-3', 'series-4', 'series-5', 'series-6'] as const
