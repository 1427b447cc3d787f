/** Which of a host's mounts are disks that can fill up, each once. */

import type { Labels, Series } from '@/api/prometheus'
import { align, combine, latest, type Grid, type Row } from '@/charts/grid'

import { metricName } from './queries'

export interface Filesystem {
  mountpoint: string
  device: string
  fstype: string
  sizeBytes: number | null
  availBytes: number | null
  usedPercent: number | null
  /** Percent used over time. */
  row: Row
}

/** Filesystems that are memory, images that are full by design, or views onto others. */
const NOT_DISKS = /^(autofs|devtmpfs|efivarfs|erofs|fuse\..*|iso9660|nsfs|proc|ramfs|rootfs|squashfs|sysfs|tmpfs|tracefs)$/

/** Mounts of containers and packages, and single files that a container gets: the disk below is listed itself. */
const NOT_MOUNTPOINTS =
  /^\/(dev|proc|run|sys|snap|var\/lib\/(docker|containers|kubelet|snapd)|etc\/(hosts|hostname|resolv\.conf))(\/|$)/

function isDisk(labels: Labels): boolean {
  const mountpoint = labels['mountpoint'] ?? ''
  const fstype = labels['fstype'] ?? ''
  // A container's root is an overlay, and it is the only disk the container has.
  if (fstype === 'overlay') return mountpoint === '/'
  return !NOT_DISKS.test(fstype) && !NOT_MOUNTPOINTS.test(mountpoint)
}

/**
 * From `node_filesystem_{avail_bytes,free_bytes,size_bytes,readonly}` to filesystems, the fullest first.
 *
 * Used is counted as `df` and the host pack's rules do: what only root may still write is not free. What cannot be
 * written to cannot fill up and is left out, as in the rules. A device that is mounted in several places is shown
 * at its shortest mount point.
 */
export function filesystemsOf(series: readonly Series[], grid: Grid): Filesystem[] {
  const byDevice = new Map<string, Filesystem>()
  for (const [labels, rows] of mountsOf(series, grid)) {
    const filesystem = filesystemOf(labels, rows, grid)
    if (!isDisk(labels) || latest(rows.readonly ?? []) === 1) continue
    const known = byDevice.get(filesystem.device)
    if (!known || isShorter(filesystem.mountpoint, known.mountpoint)) byDevice.set(filesystem.device, filesystem)
  }
  return [...byDevice.values()].sort(
    (left, right) =>
      (right.usedPercent ?? -1) - (left.usedPercent ?? -1) || left.mountpoint.localeCompare(right.mountpoint),
  )
}

type Metric = 'avail_bytes' | 'free_bytes' | 'size_bytes' | 'readonly'

/** The series of each mount side by side. */
function mountsOf(series: readonly Series[], grid: Grid): [Labels, Partial<Record<Metric, Row>>][] {
  const mounts = new Map<string, [Labels, Partial<Record<Metric, Row>>]>()
  for (const { labels, points } of series) {
    const identity = `${labels['device'] ?? ''}\n${labels['mountpoint'] ?? ''}`
    const mount = mounts.get(identity) ?? [labels, {}]
    mount[1][metricName(labels).replace('node_filesystem_', '') as Metric] = align(points, grid)
    mounts.set(identity, mount)
  }
  return [...mounts.values()]
}

function filesystemOf(labels: Labels, rows: Partial<Record<Metric, Row>>, grid: Grid): Filesystem {
  const absent = align([], grid)
  const { avail_bytes: avail = absent, free_bytes: free = absent, size_bytes: size = absent } = rows
  const used = combine(size, free, (all, unused) => all - unused)
  const row = combine(used, avail, (taken, open) => (taken + open > 0 ? (100 * taken) / (taken + open) : 0))
  return {
    mountpoint: labels['mountpoint'] ?? '',
    device: labels['device'] ?? '',
    fstype: labels['fstype'] ?? '',
    sizeBytes: latest(size),
    availBytes: latest(avail),
    usedPercent: latest(row),
    row,
  }
}

function isShorter(left: string, right: string): boolean {
  return left.length < right.length || (left.length === right.length && left < right)
}
