/** Pages and who may see them. Each is loaded when it is first shown: whoever signs in waits for no charts. */

import { createRouter, createWebHistory } from 'vue-router'

import { UnreachableError } from './api/client'
import { fetchStatus } from './api/fenghuo'
import { pathOfHash } from './browser/hash'
import { recallReload, rememberReload } from './browser/memory'
import { loadSession } from './session/session'
import SignInPage from './session/SignInPage.vue'
import LostPage from './shell/LostPage.vue'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'overview', component: () => import('./overview/OverviewPage.vue') },
    { path: '/alerts', name: 'alerts', component: () => import('./alerts/AlertsPage.vue') },
    { path: '/incidents', name: 'incidents', component: () => import('./incidents/IncidentsPage.vue') },
    { path: '/incidents/:id', name: 'incident', component: () => import('./incidents/IncidentPage.vue') },
    { path: '/silences', name: 'silences', component: () => import('./silences/SilencesPage.vue') },
    { path: '/silences/new', name: 'new-silence', component: () => import('./silences/SilencePage.vue') },
    { path: '/silences/:id', name: 'silence', component: () => import('./silences/SilencePage.vue') },
    { path: '/on-call', name: 'on-call', component: () => import('./oncall/OnCallPage.vue') },
    { path: '/deliveries', name: 'deliveries', component: () => import('./deliveries/DeliveriesPage.vue') },
    { path: '/heartbeats', name: 'heartbeats', component: () => import('./heartbeats/HeartbeatsPage.vue') },
    { path: '/graph', name: 'graph', component: () => import('./graph/GraphPage.vue') },
    { path: '/sign-in', name: 'sign-in', component: SignInPage, meta: { open: true } },
    { path: '/:path(.*)*', name: 'lost', component: LostPage },
  ],
})

router.beforeEach(async (to) => {
  const moved = pathOfHash(to.fullPath)
  if (moved !== null) return moved
  let signedIn: boolean
  try {
    signedIn = await loadSession()
  } catch (error) {
    // A server that does not answer is the overview's to tell; whoever asked for sign-in sees it there.
    if (error instanceof UnreachableError) return true
    throw error
  }
  if (signedIn && to.name === 'sign-in') return nextPath(to.query['next'])
  if (!signedIn && !to.meta['open']) return { name: 'sign-in', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  return true
})

/** Another failure of the same page within this time is not mended by loading it again. */
const RELOADED_MS = 10_000

let missing = false
window.addEventListener('vite:preloadError', () => {
  missing = true
})

/** A server that was updated has no pages of the older panel that this tab still is: then all is loaded anew. */
router.onError(async (_error, to) => {
  if (!missing) return
  missing = false
  const [path, atMs] = (recallReload() ?? '').split(' ')
  if (path === to.path && Date.now() - Number(atMs) < RELOADED_MS) return
  try {
    // A server that is gone would leave an empty tab; what is shown stays instead, and says that nobody answers.
    await fetchStatus()
  } catch {
    return
  }
  rememberReload(`${to.path} ${Date.now()}`)
  window.location.assign(to.fullPath)
})

/** Where to go after sign-in: a path of this panel and nothing else. */
export function nextPath(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/'
}
