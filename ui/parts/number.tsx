// Numbers on the page: the unit smaller than the digits, and a short, interruptible move to each new value.
import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { NumberFormat } from '../../src/http/contract.ts'
import { formatValue, isNumber, writeNumber, writeTight } from '../format/number.ts'
import { noPace, paceAfter } from './pace.ts'
import { reducedMotion } from './theme.ts'

const moveMs = 320
const stepMs = 30

type Written = {
  format: NumberFormat
  /** Abbreviated where it would be too long for its card. */
  tight?: boolean
}

export function Quantity({ value, format, tight = false }: Written & { value: unknown }): JSX.Element {
  if (!isNumber(value)) return <span class="quantity">{formatValue(value, format)}</span>
  return <MovingNumber value={value} format={format} tight={tight} />
}

/** Writes the digits itself, so that a moving number costs no render. */
function MovingNumber({ value, format, tight }: Required<Written> & { value: number }): JSX.Element {
  const digits = useRef<HTMLSpanElement>(null)
  const unit = useRef<HTMLSpanElement>(null)
  const prefix = useRef<HTMLSpanElement>(null)
  const shown = useRef(value)
  const pace = useRef(noPace)

  // Before the picture is drawn: a new number must not be blank for one frame.
  useLayoutEffect(() => {
    function write(current: number): void {
      shown.current = current
      const written = tight ? writeTight(current, format) : writeNumber(current, format)
      if (digits.current) digits.current.textContent = written.number
      if (prefix.current) prefix.current.textContent = written.prefix
      if (unit.current) unit.current.textContent = (written.spaced ? '\u2009' : '') + written.unit
    }
    const from = shown.current
    const startedAt = performance.now()
    pace.current = paceAfter(pace.current, value, startedAt)
    const still = pace.current.hurried || reducedMotion.matches || document.visibilityState !== 'visible'
    if (still || from === value || !Number.isFinite(from)) {
      write(value)
      return
    }
    let writtenAt = startedAt
    let frame = requestAnimationFrame(function step(at) {
      const part = Math.min(1, Math.max(0, (at - startedAt) / moveMs))
      if (part === 1) write(value)
      else {
        // Thirty steps a second are as smooth to the eye as sixty, at half the price.
        if (at - writtenAt >= stepMs) {
          writtenAt = at
          write(keepPrecision(from + (value - from) * (1 - (1 - part) ** 3), from, value))
        }
        frame = requestAnimationFrame(step)
      }
    })
    return () => cancelAnimationFrame(frame)
  }, [value, tight, format.unit, format.decimals, format.unitPosition])

  return (
    <span class="quantity">
      <span class="unit before" ref={prefix} />
      <span ref={digits} />
      <span class="unit" ref={unit} />
    </span>
  )
}

/** Whole numbers stay whole while they move. */
function keepPrecision(current: number, from: number, to: number): number {
  return Number.isInteger(from) && Number.isInteger(to) ? Math.round(current) : current
}
