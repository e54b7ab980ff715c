// How numbers, times and sizes are written for people.
import { formatDuration, formatSize } from '#base'

/** `-` for nothing yet: 0 is no time of ours. */
export function timeText(millis: number | null): string {
  return millis === null || millis <= 0 ? '-' : new Date(millis).toISOString()
}

export const sizeText = (bytes: number | null) => (bytes === null ? 'unlimited' : formatSize(bytes))

export const keptText = (millis: number | null) => (millis === null ? 'for ever' : formatDuration(millis))

/** `rateText(1234.56) -> '1235'`, `rateText(0.25) -> '0.3'` */
export const rateText = (perSecond: number) =>
  perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(perSecond === 0 ? 0 : 1)

/** `countText(1, 'partition') -> '1 partition'` */
export const countText = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`
