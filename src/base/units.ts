// Branded numbers, so that an offset is never added to a size, and the texts users write for them.
import { BrokerError } from './errors.ts'

declare const brand: unique symbol
type Branded<Name extends string> = number & { readonly [brand]: Name }

/** Position of a record in its partition, from 0. */
export type Offset = Branded<'Offset'>
/** Milliseconds since 1970 UTC, or a span of milliseconds. */
export type Millis = Branded<'Millis'>
export type ByteSize = Branded<'ByteSize'>

export const asOffset = (value: number): Offset => value as Offset
export const asMillis = (value: number): Millis => value as Millis
export const asByteSize = (value: number): ByteSize => value as ByteSize

/** `'250ms' '10s' '5m' '2h' '7d'`, the form in which users write spans of time. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const millisOf: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `parseDuration('10s') -> 10_000`. Throws `invalid_request` for anything else. */
export function parseDuration(text: string): Millis {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim())
  if (!match) {
    throw new BrokerError('invalid_request', `"${text}" is not a duration`, {
      fix: 'write it like 250ms, 10s, 5m, 2h or 7d',
    })
  }
  return asMillis(Math.round(Number(match[1]) * millisOf[match[2]!]!))
}

const bytesOf: Record<string, number> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** `parseSize('64MB') -> 67_108_864` (powers of two; `B`, `KB`/`KiB`/`K` and so on). Throws `invalid_request`. */
export function parseSize(text: string): ByteSize {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim())
  if (!match) {
    throw new BrokerError('invalid_request', `"${text}" is not a size`, {
      fix: 'write it like 512KB, 64MB or 10GB',
    })
  }
  return asByteSize(Math.round(Number(match[1]) * bytesOf[match[2]!.toLowerCase()]!))
}

/** `formatSize(1536) -> '1.5 KB'`. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let index = 0
  let value = bytes
  while (Math.abs(value) >= 1024 && index < units.length - 1) {
    value /= 1024
    index++
  }
  return `${index === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[index]}`
}

/** `formatDuration(90_000) -> '1m 30s'`. */
export function formatDuration(millis: number): string {
  if (millis < 1000) return `${Math.round(millis)}ms`
  const seconds = Math.floor(millis / 1000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([n]) => n > 0)
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => n + unit)
    .join(' ')
}
