/** What the browser's tab is called: the page, the host, the product. */

import { computed, onBeforeUnmount, ref, watchEffect } from 'vue'

import { useI18n } from '@/i18n'
import { serverStatus } from '@/session/session'

const page = ref('')

/** The page that is shown names itself; the name goes with the page. */
export function usePageTitle(read: () => string): void {
  watchEffect(() => {
    page.value = read()
  })
  const mine = computed(read)
  onBeforeUnmount(() => {
    if (page.value === mine.value) page.value = ''
  })
}

export function useDocumentTitle(): void {
  const { t } = useI18n()
  watchEffect(() => {
    document.title = [page.value, serverStatus.value?.hostname, t.value.product].filter(Boolean).join(' · ')
  })
}
