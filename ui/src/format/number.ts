/** Numbers as people read them. A value that is not finite is shown as a dash. */

export const NOTHING = '–'

/** `digits` after the point below 10, one less below 100, none above: three figures carry a meter. */
export function formatPercent(percent: number | null, digits = 1): string {
  if (percent === null || !Number.isFinite(percent)) return NOTHING
  return Math.abs(percent) >= 99.95 ? percent.toFixed(0) : percent.toFixed(digits)
}

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** Number and unit apart, because the page sets them in different sizes. Binary units, as memory and disks are read. */
export function splitBytes(bytes: number | null): { number: string; unit: string } {
  if (bytes === null || !Number.isFinite(bytes)) return { number: NOTHING, unit: '' }
  let exponent = 0
  let value = Math.abs(bytes)
  // 1023.95 would be written as 1024: it belongs to the next unit already.
  while (value >= 999.95 && exponent < BINARY_UNITS.length - 1) {
    value /= 1024
    exponent += 1
  }
  const digits = exponent === 0 || value >= 99.95 ? 0 : 1
  return { number: (bytes < 0 ? -value : value).toFixed(digits), unit: BINARY_UNITS[exponent] ?? 'B' }
}

export function formatBytes(bytes: number | null): string {
  const { number, unit } = splitBytes(bytes)
  return unit ? `${number} ${unit}` : number
}

/** A sample's value of unknown unit: four significant figures, without a tail of zeros. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const size = Math.abs(value)
  if (size !== 0 && (size >= 1e7 || size < 1e-4)) return value.toExponential(2)
  return String(Number(value.toPrecision(size >= 1000 ? 6 : 4)))
}

const DECIMAL_UNITS = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const

/** A tick of an axis of unknown unit: as many digits as tell it from its neighbours, `interval` away. */
export function formatTick(value: number, interval: number): string {
  const [size, unit] = DECIMAL_UNITS.find(([size]) => Math.abs(value) >= size) ?? [1, '']
  const digits = Math.max(0, 1 - Math.floor(Math.log10(interval / size)))
  if (digits > 9) return value.toExponential(2)
  return `${Number((value / size).toFixed(digits))}${unit}`
}
