/** Label sets in words: what all series share is said once, what tells them apart is said of each. Pure. */

import type { Labels } from '@/api/prometheus'

const NAME = '__name__'

/** As PromQL writes it, labels in the order of their names: `up{instance="web-1", job="node"}`. */
export function labelText(labels: Labels): string {
  const pairs = Object.entries(labels)
    .filter(([name]) => name !== NAME)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  const name = labels[NAME] ?? ''
  return pairs.length || !name ? `${name}{${pairs.join(', ')}}` : name
}

export interface Legend {
  /** Labels that all series have with the same value; empty when the names are whole already. */
  shared: Labels
  /** One per series. */
  names: string[]
}

/** A single series is named in full; without any label it is named by the expression it comes from. */
export function legendOf(sets: readonly Labels[], expr: string): Legend {
  const [first] = sets
  if (!first) return { shared: {}, names: [] }
  if (sets.length === 1) return { shared: {}, names: [Object.keys(first).length ? labelText(first) : expr] }
  const isShared = ([name, value]: [string, string]): boolean => sets.every((labels) => labels[name] === value)
  const shared = Object.fromEntries(Object.entries(first).filter(isShared))
  const own = sets.map((labels) => Object.fromEntries(Object.entries(labels).filter(([name]) => !(name in shared))))
  return { shared, names: own.map(labelText) }
}

export interface Cut<T> {
  shown: readonly T[]
  /** How many there were. */
  all: number
}

export function cut<T>(all: readonly T[], shown: number): Cut<T> {
  return { shown: all.slice(0, shown), all: all.length }
}
