/** Light or dark: remembered, else the system's. `public/boot.js` does the same before the first paint. */

import { computed, ref, watchEffect } from 'vue'

import { recall, remember } from '@/browser/memory'

export type ThemeChoice = 'system' | 'light' | 'dark'

const CHOICES: readonly ThemeChoice[] = ['system', 'light', 'dark']

const choice = ref<ThemeChoice>(CHOICES.find((name) => name === recall('theme')) ?? 'system')
const system = window.matchMedia('(prefers-color-scheme: dark)')
const systemDark = ref(system.matches)
system.addEventListener('change', (event) => {
  systemDark.value = event.matches
})

const dark = computed(() => (choice.value === 'system' ? systemDark.value : choice.value === 'dark'))

// Synchronous, so that whoever reads the tokens after `dark` changed reads the new ones.
watchEffect(
  () => {
    document.documentElement.dataset.theme = dark.value ? 'dark' : 'light'
  },
  { flush: 'sync' },
)

export function setTheme(chosen: ThemeChoice): void {
  choice.value = chosen
  remember('theme', chosen)
}

export function useTheme(): { choice: typeof choice; dark: typeof dark } {
  return { choice, dark }
}
