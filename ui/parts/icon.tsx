// The icon set: 16 px strokes on one grid, drawn for this product.
import type { JSX } from 'preact'

const paths = {
  overview: 'M1.8 8.6h2.7l2-5.2 3.1 9.4 2-4.2h2.6',
  topics: 'M2.5 4.2 8 1.8l5.5 2.4L8 6.6ZM2.5 8 8 10.4 13.5 8M2.5 11.8 8 14.2l5.5-2.4',
  apps: 'M2 2.2h4v3.6H2ZM10 6.2h4v3.6h-4ZM2 10.2h4v3.6H2ZM6 4h1.2c.8 0 .8.6.8 1.2V7c0 .7.4 1 1 1h1M6 12h1.2c.8 0 .8-.6.8-1.2V9c0-.7.4-1 1-1',
  dashboards: 'M2.2 2.2h5v6h-5ZM9.8 2.2h4v3.4h-4ZM9.8 8.2h4v5.6h-4ZM2.2 10.8h5v3h-5Z',
  letter: 'M1.8 3.6h12.4v8.8H1.8ZM2 4l6 5 6-5',
  docs: 'M5.4 2.4c-1.6 0-2 .8-2 1.9 0 1.6.2 3.2-1.4 3.7 1.6.5 1.4 2.1 1.4 3.7 0 1.1.4 1.9 2 1.9M10.6 2.4c1.6 0 2 .8 2 1.9 0 1.6-.2 3.2 1.4 3.7-1.6.5-1.4 2.1-1.4 3.7 0 1.1-.4 1.9-2 1.9',
  pause: 'M5.4 3v10M10.6 3v10',
  play: 'M4.5 2.8v10.4l8.6-5.2Z',
  sun: 'M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6ZM8 1.2v1.3M8 13.5v1.3M1.2 8h1.3M13.5 8h1.3M3.2 3.2l.9.9M11.9 11.9l.9.9M12.8 3.2l-.9.9M4.1 11.9l-.9.9',
  moon: 'M13.4 9.8A5.8 5.8 0 0 1 6.2 2.6a5.8 5.8 0 1 0 7.2 7.2Z',
  system: 'M1.8 2.8h12.4v8.4H1.8ZM5.6 13.8h4.8M8 11.2v2.6',
  down: 'M3.8 6.2 8 10.4l4.2-4.2',
  right: 'M6.2 3.8 10.4 8l-4.2 4.2',
  left: 'M9.8 3.8 5.6 8l4.2 4.2',
  search: 'M7 2.4a4.6 4.6 0 1 1 0 9.2 4.6 4.6 0 0 1 0-9.2ZM10.4 10.4l3.4 3.4',
  copy: 'M5.6 5.6h8v8h-8ZM10.4 5.6V2.4h-8v8h3.2',
  check: 'M2.8 8.6 6.2 12l7-7.6',
  close: 'M3.6 3.6l8.8 8.8M12.4 3.6l-8.8 8.8',
  plus: 'M8 2.8v10.4M2.8 8h10.4',
  trash: 'M2.6 4.2h10.8M6.2 4V2.4h3.6V4M3.8 4.2l.7 9.4h7l.7-9.4M6.7 6.8v4.2M9.3 6.8v4.2',
  rail: 'M2 2.8h12v10.4H2ZM6.2 2.8v10.4',
  more: 'M3.4 8h.01M8 8h.01M12.6 8h.01',
  table: 'M2 2.8h12v10.4H2ZM2 6.4h12M6.4 6.4v6.8',
  chart: 'M2.2 2v11.8H14M4.8 10l2.8-3.6 2.2 1.8 3.6-4.6',
  warning: 'M8 2.2 14.4 13.4H1.6ZM8 6.4v3.2M8 11.5h.01',
  info: 'M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM8 7.4v3.4M8 5.1h.01',
  external: 'M6.4 3.2H2.8v10h10V9.6M9.2 2.4h4.4v4.4M13.4 2.6 7.6 8.4',
  refresh: 'M13.6 8A5.6 5.6 0 1 1 11.8 3.9L13.6 5.6M13.6 2.2v3.4h-3.4',
  full: 'M2.4 6V2.4H6M10 2.4h3.6V6M13.6 10v3.6H10M6 13.6H2.4V10',
  send: 'M14 2.2 7.2 9M14 2.2 9.6 14l-2.4-5-5-2.4Z',
  key: 'M10.6 2.2a3.2 3.2 0 1 1-3 4.3l-5.2 5.2v2h2.4v-1.8h1.8v-1.8h1.4L9.4 8.3M11.4 4.6h.01',
  code: 'M5.2 4 1.6 8l3.6 4M10.8 4l3.6 4-3.6 4',
  link: 'M6.6 9.4a2.8 2.8 0 0 1 0-4l1.8-1.8a2.8 2.8 0 0 1 4 4l-1 1M9.4 6.6a2.8 2.8 0 0 1 0 4l-1.8 1.8a2.8 2.8 0 0 1-4-4l1-1',
  clock: 'M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM8 4.6V8l2.4 1.6',
  keyboard: 'M1.6 3.8h12.8v8.4H1.6ZM4.2 6.6h.01M6.8 6.6h.01M9.4 6.6h.01M12 6.6h.01M5 9.6h6',
  filter: 'M2 3.2h12L9.4 8.6v4.6L6.6 11.6v-3Z',
  up: 'M8 13V3.2M3.8 7.2 8 3l4.2 4.2',
  fall: 'M8 3v9.8M3.8 8.8 8 13l4.2-4.2',
  equal: 'M3 8h10',
  state:
    'M8 1.8c3.3 0 5.4 1 5.4 2.2S11.3 6.2 8 6.2 2.6 5.2 2.6 4 4.7 1.8 8 1.8ZM2.6 4v8c0 1.2 2.1 2.2 5.4 2.2s5.4-1 5.4-2.2V4M2.6 8c0 1.2 2.1 2.2 5.4 2.2s5.4-1 5.4-2.2',
  source: 'M2.4 8h8M7.4 5l3 3-3 3M13.6 2.6v10.8',
  sink: 'M2.4 2.6v10.8M5.6 8h8M10.6 5l3 3-3 3',
  map: 'M2 4.6h4.4c2.8 0 .4 6.8 3.2 6.8H14M11.4 8.8l2.6 2.6-2.6 2.6',
  window: 'M2.2 3.2h11.6v9.6H2.2ZM6.06 3.2v9.6M9.94 3.2v9.6',
} as const

export type IconName = keyof typeof paths

/** Decorative: the text beside it, or the button around it, carries the name. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  )
}

/** Three streams become one answer. */
export function LogoMark({ size = 26 }: { size?: number }): JSX.Element {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect class="logo-ground" width="32" height="32" rx="8" />
      <path class="logo-faint" d="M6 9.5h4.5c6 0 5 6.5 11 6.5M6 22.5h4.5c6 0 5-6.5 11-6.5" />
      <path class="logo-line" d="M6 16h15" />
      <circle class="logo-dot" cx="23.6" cy="16" r="3.4" />
    </svg>
  )
}
