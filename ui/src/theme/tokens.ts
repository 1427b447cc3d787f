/** The colours and the font of `tokens.css` for whom CSS does not reach: the canvas of the charts and Naive UI's own styles. */

import type { GlobalThemeOverrides } from 'naive-ui'
import { computed, type ComputedRef } from 'vue'

import { useTheme } from './theme'
import { SERIES_TONES } from './tones'

const SURFACES = ['surface', 'raised', 'border', 'field', 'grid'] as const
const NAMES = ['font', 'text', 'muted', 'faint', 'accent', 'critical', ...SURFACES, ...SERIES_TONES] as const

export type Token = (typeof NAMES)[number]
export type Tokens = Readonly<Record<Token, string>>

function read(): Tokens {
  const style = getComputedStyle(document.documentElement)
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Tokens
}

export function useTokens(): ComputedRef<Tokens> {
  const { dark } = useTheme()
  return computed(() => {
    void dark.value
    return read()
  })
}

export function naiveOverrides(tokens: Tokens): GlobalThemeOverrides {
  return {
    common: {
      primaryColor: tokens.accent,
      primaryColorHover: tokens.accent,
      primaryColorPressed: tokens.accent,
      primaryColorSuppl: tokens.accent,
      errorColor: tokens.critical,
      textColorBase: tokens.text,
      textColor1: tokens.text,
      textColor2: tokens.text,
      textColor3: tokens.muted,
      popoverColor: tokens.surface,
      borderRadius: '8px',
      fontFamily: 'inherit',
    },
    // Naive UI's own dark fields are a grey that no other surface here has.
    Input: { color: tokens.raised, colorFocus: tokens.raised, border: `1px solid ${tokens.field}` },
    InternalSelection: { color: tokens.surface, colorActive: tokens.surface, border: `1px solid ${tokens.field}` },
  }
}
