/**
 * The page's language: remembered, else the browser's, else English.
 *
 * A dictionary of our own rather than a library: the compiler holds every language to the shape of the first, and
 * texts with holes are plain functions, so nothing is parsed in the browser.
 */

import { computed, ref, watchEffect, type ComputedRef } from 'vue'

import { recall, remember } from '@/browser/memory'

import { en, type Messages } from './en'
import { zh } from './zh'

export type Locale = 'zh-CN' | 'en'
export type { Messages }


const DICTIONARIES: Record<Locale, Messages> = { 'zh-CN': zh, en }

/** The first of the browser's languages that we speak. */
export function preferredLocale(remembered: string | null, browser: readonly string[]): Locale {
  for (const language of [remembered ?? '', ...browser]) {
    if (language.toLowerCase().startsWith('zh')) return 'zh-CN'
    if (language.toLowerCase().startsWith('en')) return 'en'
  }
  return 'en'
}

const locale = ref<Locale>(preferredLocale(recall('language'), navigator.languages))
const messages = computed(() => DICTIONARIES[locale.value])

watchEffect(() => {
  document.documentElement.lang = locale.value
})

export function setLocale(chosen: Locale): void {
  locale.value = chosen
  remember('language', chosen)
}

export function useI18n(): { t: ComputedRef<Messages>; locale: typeof locale } {
  return { t: messages, locale }
}
