// Times in the browser's zone, always 24 h, with UTC one hover away.

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const zone = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' })

const secondMs = 1_000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** A record can carry any number as its time; only these can be written. */
export function isTime(at: unknown): at is number {
  return typeof at === 'number' && Math.abs(at) <= 8.64e15
}

export function formatClock(at: number): string {
  return clock.format(at)
}

export function formatDay(at: number): string {
  return isTime(at) ? day.format(at) : '–'
}

export function formatDateTime(at: number): string {
  return isTime(at) ? `${day.format(at)}, ${clock.format(at)}` : '–'
}

export function formatUtc(at: number): string {
  return isTime(at) ? `${new Date(at).toISOString().replace('T', ' ').replace('Z', '')} UTC` : '–'
}

/** The zone's name as people here say it: `GMT+1`, `CEST`. */
export function zoneName(): string {
  return zone.formatToParts(0).find((part) => part.type === 'timeZoneName')?.value ?? 'local'
}

/** `just now · 12 s ago · 3 min ago · 5 h ago · 14 Mar 2001, 09:30:00`. */
export function formatAgo(at: number, now: number): string {
  const age = now - at
  if (!isTime(at)) return '–'
  if (age < -minuteMs) return formatDateTime(at)
  if (age < 2 * secondMs) return 'just now'
  if (age < minuteMs) return `${Math.floor(age / secondMs)} s ago`
  if (age < hourMs) return `${Math.floor(age / minuteMs)} min ago`
  if (age < dayMs) return `${Math.floor(age / hourMs)} h ago`
  return formatDateTime(at)
}

/** Two largest parts: `3 d 4 h`, `12 min 5 s`, `900 ms`. */
export function formatSpan(spanMs: number): string {
  if (spanMs < secondMs) return `${Math.round(spanMs)} ms`
  const parts: [number, string][] = [
    [Math.floor(spanMs / dayMs), 'd'],
    [Math.floor((spanMs % dayMs) / hourMs), 'h'],
    [Math.floor((spanMs % hourMs) / minuteMs), 'min'],
    [Math.floor((spanMs % minuteMs) / secondMs), 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ')
}

/** `15m -> 900000`; null for anything else. */
export function parseSpan(text: string): number | null {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text.trim())
  if (!match) return null
  const factor = { ms: 1, s: secondMs, m: minuteMs, h: hourMs, d: dayMs }[
    match[2] as 'ms' | 's' | 'm' | 'h' | 'd'
  ]
  return Number(match[1]) * factor
}

/** Labels of a time axis: as coarse as the step between ticks, with the day where it changes. */
export function formatTicks(ticks: readonly number[]): string[] {
  const step = ticks.length > 1 ? ticks[1]! - ticks[0]! : minuteMs
  let previousDay = ''
  return ticks.map((at) => {
    if (!isTime(at)) return ''
    const today = step >= 300 * dayMs ? String(new Date(at).getFullYear()) : shortDay.format(at)
    if (step >= dayMs * 0.9) return today
    const time = step < minuteMs ? formatClock(at) : formatClock(at).slice(0, 5)
    const label = today !== previousDay && (previousDay !== '' || time.startsWith('00:00')) ? today : time
    previousDay = today
    return label
  })
}
