/** Label matchers as Alertmanager writes them: `{alertname="HighLoad", instance=~"web-.*"}`. Pure. */

import type { Condition } from '@/api/alertmanager'
import type { Labels } from '@/api/prometheus'

export const OPS = ['=', '!=', '=~', '!~'] as const
export type Op = (typeof OPS)[number]

export interface Matcher {
  name: string
  op: Op
  value: string
}

const QUOTED = /"(?:[^"\\]|\\.)*"/
const ONE = new RegExp(`^\\s*(${QUOTED.source}|[^\\s"{}=!~,]+)\\s*(=~|!~|!=|=)\\s*(${QUOTED.source}|[^\\s",{}]*)\\s*`)

/** Braces may be missing, quotes too around plain words. Null for what is no list of matchers; empty text is none. */
export function parseMatchers(text: string): Matcher[] | null {
  const inner = /^\s*\{([\s\S]*)\}\s*$/.exec(text)?.[1] ?? text
  const found: Matcher[] = []
  let rest = inner
  while (rest.trim()) {
    const hit = ONE.exec(rest)
    if (!hit) return null
    found.push({ name: unquoted(hit[1]!), op: hit[2] as Op, value: unquoted(hit[3]!) })
    rest = rest.slice(hit[0].length)
    if (rest && !rest.startsWith(',')) return null
    rest = rest.slice(1)
  }
  return found
}

function unquoted(text: string): string {
  if (!text.startsWith('"')) return text
  // Other backslashes are the regex's own: people write "web-\d" without doubling them.
  return text.slice(1, -1).replace(/\\(["\\n])/g, (_all, mark: string) => (mark === 'n' ? '\n' : mark))
}

const quoted = (text: string): string => `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`

/** Names beyond letters, digits and `_` are quoted. */
export function matcherText({ name, op, value }: Matcher): string {
  return `${/^[a-zA-Z_:][\w:]*$/.test(name) ? name : quoted(name)}${op}${quoted(value)}`
}

export const matchersText = (matchers: readonly Matcher[]): string => `{${matchers.map(matcherText).join(', ')}}`

export const equalTo = (labels: Labels): Matcher[] =>
  Object.entries(labels)
    .sort(([left], [right]) => Number(right === 'alertname') - Number(left === 'alertname') || (left < right ? -1 : 1))
    .map(([name, value]) => ({ name, op: '=' as const, value }))

export function conditionOf({ name, op, value }: Matcher): Condition {
  return { name, value, isRegex: op.endsWith('~'), isEqual: !op.startsWith('!') }
}

export function matcherOf({ name, value, isRegex, isEqual }: Condition): Matcher {
  return { name, value, op: isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=' }
}

/**
 * A test of label sets: all matchers hold, a label that is missing is empty, a regex covers the whole value. Null where
 * a regex is none that this browser knows.
 */
export function testOf(matchers: readonly Matcher[]): ((labels: Labels) => boolean) | null {
  try {
    const tests = matchers.map(({ name, op, value }) => {
      const regex = op.endsWith('~') ? regexOf(value) : null
      const holds = (text: string): boolean => (regex ? regex.test(text) : text === value)
      return (labels: Labels): boolean => holds(labels[name] ?? '') !== op.startsWith('!')
    })
    return (labels) => tests.every((test) => test(labels))
  } catch {
    return null
  }
}

/** `(?i)` at the beginning is the one flag of Go's that browsers spell otherwise and people use. */
function regexOf(text: string): RegExp {
  const folded = text.startsWith('(?i)')
  return new RegExp(`^(?:${folded ? text.slice(4) : text})$`, folded ? 'si' : 's')
}
