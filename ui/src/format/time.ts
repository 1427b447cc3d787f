/** Durations and moments, in the words of the chosen language. */

export interface TimeWords {
  second: string
  minute: string
  hour: string
  day: string
}

/** A duration in its two largest units (`3 d 4 h`); below a minute in seconds. */
export function formatDuration(seconds: number, words: TimeWords): string {
  if (!Number.isFinite(seconds)) return '–'
  const whole = Math.max(0, Math.round(seconds))
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), words.day],
    [Math.floor(whole / 3_600) % 24, words.hour],
    [Math.floor(whole / 60) % 60, words.minute],
    [whole % 60, words.second],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  if (first === -1) return `0 ${words.second}`
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(' ')
}

/** Only the largest unit (`4 min`): how long ago something was needs no more. */
export function formatAge(seconds: number, words: TimeWords): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} ${words.second}`
  if (whole < 3_600) return `${Math.floor(whole / 60)} ${words.minute}`
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} ${words.hour}`
  return `${Math.floor(whole / 86_400)} ${words.day}`
}

/** How long a scrape took: milliseconds below a second. */
export function formatElapsed(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  if (seconds >= 1) return `${seconds.toFixed(2)} s`
  const ms = seconds * 1000
  return `${ms >= 10 ? ms.toFixed(0) : ms.toFixed(1)} ms`
}

const two = (value: number): string => String(value).padStart(2, '0')

/** Hours and minutes of the local day. */
export function formatClock(ms: number): string {
  const date = new Date(ms)
  return `${two(date.getHours())}:${two(date.getMinutes())}`
}

/** Month, day, hours and minutes, for axes longer than a day. */
export function formatDayClock(ms: number): string {
  const date = new Date(ms)
  return `${two(date.getMonth() + 1)}-${two(date.getDate())} ${formatClock(ms)}`
}

/** Date and time of day, the same in both languages: it sorts and needs no translation. */
export function formatMoment(ms: number): string {
  if (!Number.isFinite(ms)) return '–'
  const date = new Date(ms)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${formatClock(ms)}:${two(date.getSeconds())}`
}

/** Prometheus marks "never" with the year 1. */
export function parseMoment(text: string): number {
  const ms = Date.parse(text)
  return ms > 0 ? ms : Number.NaN
}

/** Month and day. */
export function formatDay(ms: number): string {
  const date = new Date(ms)
  return `${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
