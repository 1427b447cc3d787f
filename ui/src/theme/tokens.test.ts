import { expect, test } from 'vitest'

import css from './tokens.css?raw'

type Colours = Record<string, string>

const [light, dark] = css
  .split(':root')
  .slice(1)
  .map((block): Colours => Object.fromEntries([...block.matchAll(/--([\w-]+): (#\w{6})/g)].map((hit) => [hit[1], hit[2]])))

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((index) => parseInt(colour.slice(index, index + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** The contrast ratio of WCAG 2. */
function contrast(colours: Colours, front: string, back: string): number {
  const [lesser = 0, greater = 0] = [front, back].map((name) => luminance(colours[name]!)).sort((a, b) => a - b)
  return (greater + 0.05) / (lesser + 0.05)
}

const TEXTS = [
  ...['text', 'muted', 'accent', 'critical'].flatMap((name) => [
    [name, 'page'],
    [name, 'surface'],
    [name, 'raised'],
  ]),
  ...['ok', 'warning', 'critical', 'info'].map((name) => [name, `${name}-soft`]),
  ['muted', 'grid'],
  ['faint', 'surface'],
  ['faint', 'raised'],
  ['warning', 'surface'],
] as [string, string][]

const LINES = [1, 2, 3, 4, 5, 6].map((index) => [`series-${index}`, 'surface'] as [string, string])

for (const [theme, colours] of Object.entries({ light, dark })) {
  test.each(TEXTS)(`${theme}: the text colour %s can be read on %s`, (front, back) => {
    expect(contrast(colours!, front, back)).toBeGreaterThanOrEqual(4.5)
  })
  test.each(LINES)(`${theme}: the line colour %s stands out from %s`, (front, back) => {
    expect(contrast(colours!, front, back)).toBeGreaterThanOrEqual(3)
  })
}
