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

/** Mounts of containers and packages: the disk below them is listed itself. */
const NOT_MOUNTPOINTS = /^\/(dev|proc|run|sys|snap|var\/lib\/(docker|containers|kubelet|snapd))(\/|$)/

function isDisk(labels: Labels): boolean {
  const mountpoint = labels['mountpoint'] ?? ''
  const fstype = labels['fstype'] ?? ''
  // A container's root is an overlay, and it is the only disk the container has.
  if (fstype === 'overlay') return mountpoint === '/'
  return !NOT_DISKS.test(fstype) && !NOT_MOUNTPOINTS.test(mountpoint)
}

const identity = (labels: Labels): string => `${labels['device'] ?? ''}\n${labels['mountpoint'] ?? ''}`

/**
 * From `node_filesystem_avail_bytes` and `node_filesystem_size_bytes` to filesystems, the fullest first.
 *
 * Used is what a program cannot get: size minus *available*, as the host pack's rule has it; what is kept for root
 * counts as used. A device that is mounted in several places is shown at its shortest mount point.
 */
export function filesystemsOf(series: readonly Series[], grid: Grid): Filesystem[] {
  const sizes = new Map<string, Row>()
  for (const one of series) {
    if (metricName(one.labels) === 'node_filesystem_size_bytes') sizes.set(identity(one.labels), align(one.points, grid))
  }
  const byDevice = new Map<string, Filesystem>()
  for (const one of series) {
    const size = sizes.get(identity(one.labels))
    if (metricName(one.labels) !== 'node_filesystem_avail_bytes' || !size || !isDisk(one.labels)) continue
    const filesystem = filesystemOf(one.labels, align(one.points, grid), size)
    const known = byDevice.get(filesystem.device)
    if (!known || isShorter(filesystem.mountpoint, known.mountpoint)) byDevice.set(filesystem.device, filesystem)
  }
  return [...byDevice.values()].sort(
    (left, right) =>
      (right.usedPercent ?? -1) - (left.usedPercent ?? -1) || left.mountpoint.localeCompare(right.mountpoint),
  )
}

function filesystemOf(labels: Labels, avail: Row, size: Row): Filesystem {
  const row = combine(avail, size, (free, all) => (all > 0 ? 100 * (1 - free / all) : 0))
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
