// How numbers are written: scaled units, sensible decimals, one look everywhere.
import type { NumberFormat } from '../../src/http/contract.ts'
import { visibleText } from './text.ts'

/** `1.2` + `MB`: apart, so that the unit can be drawn smaller. `prefix` units come before. */
export type WrittenNumber = {
  readonly prefix: string
  readonly number: string
  readonly unit: string
  readonly spaced: boolean
}

export const noValue = '–'

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
/** Each step and how many of it make the next. */
const timeUnits: readonly (readonly [string, number])[] = [
  ['µs', 1_000],
  ['ms', 1_000],
  ['s', 60],
  ['min', 60],
  ['h', 24],
]
const compactUnits = ['', 'k', 'M', 'G', 'T']

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

/** `decimals` if given; else three significant digits or so, without zeros that say nothing: `0.42 · 8.1 · 312`. */
export function writeDecimals(value: number, decimals?: number): string {
  const size = Math.abs(value)
  const asked = decimals === undefined ? undefined : Math.min(20, Math.max(0, Math.round(decimals)))
  const digits = asked ?? (size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3)
  return new Intl.NumberFormat('en-US', {
    minimumFractionDigits: asked ?? 0,
    maximumFractionDigits: digits,
    signDisplay: 'negative',
  })
    .format(value)
    .replace('-', '−')
}

export function writeNumber(value: number, format: NumberFormat = {}): WrittenNumber {
  const { unit = '', decimals } = format
  if (unit === 'bytes' || unit === 'bytes/s') {
    const [scaled, name] = scale(value, byteUnits, 1_000)
    return plain(
      writeDecimals(scaled, name === 'B' ? (decimals ?? 0) : decimals),
      unit === 'bytes' ? name : `${name}/s`,
    )
  }
  if (unit === 'ms') return writeDuration(value, decimals)
  const prefix = format.unitPosition === 'prefix' ? unit : ''
  const suffix = format.unitPosition === 'prefix' ? '' : unit
  return {
    prefix,
    number: writeDecimals(value, decimals),
    unit: suffix,
    spaced: suffix !== '' && !/^[%°‰′″]/.test(suffix),
  }
}

function plain(number: string, unit: string): WrittenNumber {
  return { prefix: '', number, unit, spaced: true }
}

function scale(value: number, units: readonly string[], base: number): [number, string] {
  let scaled = value
  let step = 0
  while (Math.abs(scaled) >= base * 0.9995 && step < units.length - 1) {
    scaled /= base
    step += 1
  }
  return [scaled, units[step]!]
}

function writeDuration(valueMs: number, decimals?: number): WrittenNumber {
  if (valueMs === 0) return plain('0', 'ms')
  let scaled = valueMs * 1_000
  for (const [name, limit] of timeUnits) {
    if (Math.abs(scaled) < limit * 0.9995) return plain(writeDecimals(scaled, decimals), name)
    scaled /= limit
  }
  return plain(writeDecimals(scaled, decimals), 'd')
}

export function joinNumber({ prefix, number, unit, spaced }: WrittenNumber): string {
  return prefix + number + (spaced ? ' ' : '') + unit
}

/** Any value of a record as one line of text: numbers formatted, the rest as it is. */
export function formatValue(value: unknown, format: NumberFormat = {}): string {
  if (isNumber(value)) return joinNumber(writeNumber(value, format))
  if (value === null || value === undefined || value === '') return noValue
  if (typeof value === 'string') return visibleText(value)
  if (typeof value === 'number') return noValue
  return visibleText(JSON.stringify(value))
}

/** A million in full, with its commas. */
const tightLength = 9

/** As long as it may be in a card: first without the decimals asked for, then `12.3 M`, then `1.2e19`. */
export function writeTight(value: number, format: NumberFormat = {}): WrittenNumber {
  const { decimals: _, ...rounded } = format
  const fits = (written: WrittenNumber) => written.prefix.length + written.number.length <= tightLength
  const full = writeNumber(value, format)
  if (fits(full)) return full
  const round = writeNumber(value, rounded)
  if (fits(round)) return round
  if (scalesItself(format.unit)) {
    const count = Number(round.number.replaceAll(',', '').replace('−', '-'))
    return { ...round, number: writeExponent(count) }
  }
  const [scaled, name] = scale(value, compactUnits, 1_000)
  if (Math.abs(scaled) >= 1_000) return { ...round, number: writeExponent(value) }
  const unit = round.unit === '' ? name : round.spaced ? `${name} ${round.unit}` : `${name}${round.unit}`
  return { ...round, number: writeDecimals(scaled), unit, spaced: unit !== '' }
}

/** Like `formatValue`, for where a long number would push something else away. */
export function formatTight(value: unknown, format: NumberFormat = {}): string {
  return isNumber(value) ? joinNumber(writeTight(value, format)) : formatValue(value, format)
}

function scalesItself(unit: string | undefined): boolean {
  return unit === 'bytes' || unit === 'bytes/s' || unit === 'ms'
}

function writeExponent(value: number): string {
  return value.toExponential(1).replace('.0e', 'e').replace('e+', 'e').replace('-', '−')
}

/** For axes: `12k`, `3.4M`, `1e19`. */
export function formatCompact(value: number, format: NumberFormat = {}): string {
  if (format.unit !== undefined && scalesItself(format.unit)) return formatTight(value, { unit: format.unit })
  const [scaled, name] = scale(value, compactUnits, Math.abs(value) < 10_000 ? 10_000 : 1_000)
  if (Math.abs(scaled) >= 10_000) return writeExponent(value)
  const tight =
    format.unit && /^[%°]/.test(format.unit) && format.unitPosition !== 'prefix' ? format.unit : ''
  const prefix =
    format.unitPosition === 'prefix' && format.unit && format.unit.length === 1 ? format.unit : ''
  return prefix + writeDecimals(scaled) + name + tight
}

export function formatBytes(value: number): string {
  return formatValue(value, { unit: 'bytes' })
}

export function formatCount(value: number): string {
  return writeDecimals(value, 0)
}

/** Records per second: whole numbers once they are large enough. */
export function formatRate(value: number): string {
  const size = Math.abs(value)
  if (size >= 100_000) return formatCompact(value)
  return writeDecimals(value, size === 0 || size >= 9.95 ? 0 : 1)
}
