// Times on the page: local text, UTC on hover, ages that grow.
import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { formatAgo, formatClock, formatDateTime, formatUtc, isTime } from '../format/time.ts'

const tickMs = 1_000

/** The one ticking clock of the page. */
export const now = signal(Date.now())
setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now()
}, tickMs)

type Form = 'clock' | 'full' | 'ago'

export function Time({ at, form = 'full' }: { at: number | null | undefined; form?: Form }): JSX.Element {
  if (!isTime(at) || at <= 0) return <span class="faint">–</span>
  const text =
    form === 'ago' ? formatAgo(at, now.value) : form === 'clock' ? formatClock(at) : formatDateTime(at)
  return (
    <time dateTime={new Date(at).toISOString()} title={formatUtc(at)}>
      {text}
    </time>
  )
}
