import { expect, test } from 'vitest'

import type { Series } from '@/api/prometheus'

import { filesystemsOf } from './filesystems'

const GRID = { startMs: 0, stepMs: 15_000, count: 2 }

/** A mount of 100 bytes; `reserved` of the free ones are for root alone. */
function mount(mountpoint: string, device: string, fstype: string, free: number, reserved = 0, readonly = 0): Series[] {
  const values = { size_bytes: 100, free_bytes: free, avail_bytes: free - reserved, readonly }
  return Object.entries(values).map(([name, value]) => ({
    labels: { __name__: `node_filesystem_${name}`, mountpoint, device, fstype },
    points: [
      [0, value],
      [15, value],
    ],
  }))
}

const shown = (series: Series[]): [string, number | null][] =>
  filesystemsOf(series, GRID).map(({ mountpoint, usedPercent }) => [mountpoint, usedPercent])

test('the fullest stands first', () => {
  expect(shown([...mount('/', 'sda1', 'ext4', 60), ...mount('/data', 'sdb', 'xfs', 10)])).toEqual([
    ['/data', 90],
    ['/', 40],
  ])
})

test('used is counted as df does: what is kept for root is not free', () => {
  expect(shown(mount('/', 'sda1', 'ext4', 25, 5))).toEqual([['/', (100 * 75) / 95]])
})

test.each([
  ['memory', mount('/run', 'tmpfs', 'tmpfs', 0)],
  ['a package image', mount('/snap/core/1', '/dev/loop0', 'squashfs', 0)],
  ['a layer of a container', mount('/var/lib/docker/overlay2/x/merged', 'overlay', 'overlay', 0)],
  ['a file given to a container', mount('/etc/hosts', '/dev/vda1', 'ext4', 0)],
  ['what cannot be written', mount('/media/dvd', '/dev/sr0', 'udf', 0, 0, 1)],
])('%s is not a disk that fills up', (_what, series) => {
  expect(shown(series)).toEqual([])
})

test('the root of a container is its disk', () => {
  expect(shown(mount('/', 'overlay', 'overlay', 50))).toEqual([['/', 50]])
})

test('a device that is mounted twice is shown once, where its path is shorter', () => {
  expect(shown([...mount('/srv/backup', 'sdb', 'xfs', 10), ...mount('/srv', 'sdb', 'xfs', 10)])).toEqual([['/srv', 90]])
})

test('a mount that gives no sizes is shown without a number', () => {
  const [avail] = mount('/nfs', 'server:/share', 'nfs', 10).filter((one) => one.labels['__name__']?.includes('avail'))
  expect(shown([avail!])).toEqual([['/nfs', null]])
})
