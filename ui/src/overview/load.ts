/** One round of the overview: asks everything at once; what fails fails alone. */

import { ApiError } from '@/api/client'
import { fetchHeldAlerts } from '@/api/alertmanager'
import { fetchNotifications, type Notification } from '@/api/fenghuo'
import { fetchAlerts, fetchTargets, queryInstant, queryRange, type Alert, type Span, type Target } from '@/api/prometheus'
import { gridOf, spanUntil } from '@/charts/grid'

import { allAlerts } from './alerts'
import {
  cpuView,
  diskView,
  factsView,
  memoryView,
  networkView,
  type CpuView,
  type DiskView,
  type Facts,
  type MemoryView,
  type NetworkView,
} from './host'
import { HOSTS, queriesOf, type HostKey } from './queries'

export const RANGE_S = 3_600
export const STEP_S = 15
const NOTIFICATIONS_MAX = 8

/** Either the value or why there is none. */
export type Part<T> = { value: T; error: null } | { value: null; error: string }

export interface HostOverview {
  cpu: Part<CpuView>
  memory: Part<MemoryView>
  disk: Part<DiskView>
  network: Part<NetworkView>
  facts: Part<Facts>
}

export interface Overview {
  atMs: number
  hosts: HostKey[]
  host: HostKey | null
  onHost: HostOverview | null
  targets: Part<Target[]>
  alerts: Part<Alert[]>
  notifications: Part<Notification[]>
}

/** `wanted` and `hostname` choose the host: the one asked for, else this server's own, else the first. */
export function chooseHost(hosts: readonly HostKey[], wanted: string, hostname: string): HostKey | null {
  const byInstance = (name: string): HostKey | undefined =>
    hosts.find((host) => host.instance === name || host.instance.replace(/:\d+$/, '') === name)
  return (wanted && byInstance(wanted)) || (hostname && byInstance(hostname)) || hosts[0] || null
}

/** `phaseS`: see spanUntil. Throws UnreachableError when the server is gone and ApiError 401 when the session is; the rest is in the parts. */
export async function loadOverview(
  wanted: string,
  hostname: string,
  nowMs: number,
  phaseS: number,
  signal: AbortSignal,
): Promise<Overview> {
  const [hosts, targets, alerts, notifications] = await Promise.all([
    settle(queryInstant(HOSTS, nowMs / 1000, signal)),
    settle(fetchTargets(signal)),
    settle(Promise.all([fetchAlerts(signal), fetchHeldAlerts([], signal)]).then(([ruled, held]) => allAlerts(ruled, held))),
    settle(fetchNotifications(NOTIFICATIONS_MAX, signal)),
  ])
  const keys = (hosts.value ?? [])
    .map(({ labels }) => ({ instance: labels['instance'] ?? '', job: labels['job'] ?? '' }))
    .sort((left, right) => left.instance.localeCompare(right.instance) || left.job.localeCompare(right.job))
  const host = chooseHost(keys, wanted, hostname)
  const onHost = host ? await loadHost(host, spanUntil(nowMs, RANGE_S, STEP_S, phaseS), signal) : null
  return { atMs: nowMs, hosts: keys, host, onHost, targets, alerts, notifications }
}

async function loadHost(host: HostKey, span: Span, signal: AbortSignal): Promise<HostOverview> {
  const grid = gridOf(span)
  const queries = queriesOf(host)
  const range = (expr: string) => queryRange(expr, span, signal)
  const instant = (expr: string) => queryInstant(expr, span.endS, signal)
  const [cpu, memory, disk, network, facts] = await Promise.all([
    settle(range(queries.cpu).then((series) => cpuView(series, grid))),
    settle(range(queries.memory).then((series) => memoryView(series, grid))),
    settle(range(queries.filesystems).then((series) => diskView(series, grid))),
    settle(
      Promise.all([range(queries.receive), range(queries.transmit)]).then(([receive, transmit]) =>
        networkView(receive, transmit, grid),
      ),
    ),
    settle(
      Promise.all([instant(queries.facts), instant(queries.cores)]).then(([samples, cores]) =>
        factsView(samples, cores),
      ),
    ),
  ])
  return { cpu, memory, disk, network, facts }
}

/** An answer of the server that is an error belongs to its part; no answer at all, and 401, belong to the page. */
async function settle<T>(promise: Promise<T>): Promise<Part<T>> {
  try {
    return { value: await promise, error: null }
  } catch (error) {
    if (error instanceof ApiError && error.status !== 401) return { value: null, error: error.message }
    throw error
  }
}

