/** What this browser remembers between visits. A browser that stores nothing forgets, and that is all. */

type Remembered = 'language' | 'sessions' | 'theme'

export function recall(what: Remembered): string | null {
  try {
    return localStorage.getItem(`fenghuo.${what}`)
  } catch {
    return null
  }
}

export function remember(what: Remembered, value: string): void {
  try {
    localStorage.setItem(`fenghuo.${what}`, value)
  } catch {
    // Storage is full or switched off; the choice lives until the page is closed.
  }
}

const RELOAD = 'fenghuo.reload'

/** Why this tab was loaded anew, as the tab itself left it; null: for no reason of ours. */
export function recallReload(): string | null {
  try {
    return sessionStorage.getItem(RELOAD)
  } catch {
    return null
  }
}

/** Throws where nothing can be stored: without a trace, loading anew could go on for ever. */
export function rememberReload(reason: string): void {
  sessionStorage.setItem(RELOAD, reason)
}
