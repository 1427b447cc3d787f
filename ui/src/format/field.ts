/** Moments as the browser's fields for date and time hold them: the local day, to the minute. */

const two = (value: number): string => String(value).padStart(2, '0')

/** `2026-11-21T18:05`. */
export function fieldText(ms: number): string {
  const date = new Date(ms)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`
}

/** Milliseconds since the epoch; NaN for an empty field. */
export function fieldMoment(text: string): number {
  return text ? new Date(text).getTime() : Number.NaN
}
