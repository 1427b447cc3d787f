/** The PromQL behind the overview, on node_exporter's names. */

import type { Labels } from '@/api/prometheus'

export interface HostKey {
  instance: string
  job: string
}

/** Quoted as PromQL reads it. */
export function quote(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`
}

/** Every instance that exports host metrics, whatever its job is called. */
export const HOSTS = 'group by (instance, job) (node_boot_time_seconds)'

/** How far back a rate may look: four scrapes a minute apart still give one. `irate` takes the last two samples. */
const RATE_WINDOW = '4m'

/** Interfaces that carry the host's own traffic; bridges and container ends would count it twice. */
const VIRTUAL_INTERFACES = 'lo|veth.*|docker.*|br-.*|cali.*|flannel.*|cni.*|virbr.*|tun.*|tap.*'

export interface HostQueries {
  cpu: string
  memory: string
  filesystems: string
  receive: string
  transmit: string
  facts: string
  cores: string
}

export function queriesOf(host: HostKey): HostQueries {
  const on = `instance=${quote(host.instance)}, job=${quote(host.job)}`
  return {
    cpu: `100 * avg by (mode) (irate(node_cpu_seconds_total{${on}, mode!="idle"}[${RATE_WINDOW}]))`,
    memory: `{__name__=~"node_memory_(MemTotal|MemAvailable|MemFree)_bytes", ${on}}`,
    filesystems: `{__name__=~"node_filesystem_(avail_bytes|free_bytes|size_bytes|readonly)", ${on}}`,
    receive: `sum(irate(node_network_receive_bytes_total{${on}, device!~"${VIRTUAL_INTERFACES}"}[${RATE_WINDOW}]))`,
    transmit: `sum(irate(node_network_transmit_bytes_total{${on}, device!~"${VIRTUAL_INTERFACES}"}[${RATE_WINDOW}]))`,
    facts: `{__name__=~"node_load1|node_load5|node_load15|node_boot_time_seconds|node_uname_info", ${on}}`,
    cores: `count(node_cpu_seconds_total{${on}, mode="idle"})`,
  }
}

export const metricName = (labels: Labels): string => labels['__name__'] ?? ''
