// Colours of the running theme, read from CSS once per theme, and the second channel beside colour: marker shapes.
import { computed, signal } from '@preact/signals'

export const seriesCount = 8

/** The second channel beside colour. Lines stay solid, so that noisy ones can still be read. */
export const shapes = ['circle', 'square', 'triangle', 'diamond', 'cross', 'ring', 'bar', 'star'] as const
export type Shape = (typeof shapes)[number]

export function shapeOf(index: number): Shape {
  return shapes[index % shapes.length]!
}

/** Changes whenever the theme does; the painted charts depend on it. */
export const themeVersion = signal(0)

export type Palette = {
  readonly series: readonly string[]
  readonly grid: string
  readonly axis: string
  readonly surface: string
  readonly tones: { readonly good: string; readonly warn: string; readonly bad: string }
}

export const palette = computed<Palette>(() => {
  themeVersion.value
  const style = getComputedStyle(document.documentElement)
  const read = (name: string) => style.getPropertyValue(name).trim() || '#888888'
  return {
    series: Array.from({ length: seriesCount }, (_, index) => read(`--series-${index + 1}`)),
    grid: read('--chart-grid'),
    axis: read('--text-3'),
    surface: read('--surface'),
    tones: { good: read('--good'), warn: read('--warn'), bad: read('--bad') },
  }
})

export function seriesColor(index: number): string {
  const { series } = palette.value
  return series[index % series.length]!
}

/** `#rrggbb` with an alpha, for gradients on canvas. */
export function withAlpha(color: string, alpha: number): string {
  const hex = /^#([0-9a-f]{6})$/i.exec(color)?.[1]
  if (!hex) return color
  return `#${hex}${Math.round(alpha * 255)
    .toString(16)
    .padStart(2, '0')}`
}
