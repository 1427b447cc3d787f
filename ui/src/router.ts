/** Pages and who may see them. */

import { createRouter, createWebHistory } from 'vue-router'

import { UnreachableError } from './api/client'
import GraphPage from './graph/GraphPage.vue'
import OverviewPage from './overview/OverviewPage.vue'
import { loadSession } from './session/session'
import SignInPage from './session/SignInPage.vue'
import LostPage from './shell/LostPage.vue'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'overview', component: OverviewPage },
    { path: '/graph', name: 'graph', component: GraphPage },
    { path: '/sign-in', name: 'sign-in', component: SignInPage, meta: { open: true } },
    { path: '/:path(.*)*', name: 'lost', component: LostPage },
  ],
})

router.beforeEach(async (to) => {
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

/** Where to go after sign-in: a path of this panel and nothing else. */
export function nextPath(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/'
}
