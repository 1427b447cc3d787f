/** One round of the page of alerts. */

import { fetchGroups, fetchSilences } from '@/api/alertmanager'
import { fetchIncidents } from '@/api/incidents'
import { fetchAlerts } from '@/api/prometheus'

import type { Sources } from './views'

/** The newest ones; a group whose incident is older than all of these has no link to it. */
const INCIDENTS_MAX = 1_000

export async function loadAlerts(signal: AbortSignal): Promise<Sources> {
  const [groups, ruled, silences, incidents] = await Promise.all([
    fetchGroups(signal),
    fetchAlerts(signal),
    fetchSilences(signal),
    fetchIncidents([], [], INCIDENTS_MAX, '', signal),
  ])
  return { groups, ruled, silences, incidents }
}
