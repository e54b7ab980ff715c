// Short messages that come and go: what failed, why, and what to do about it.
import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { Icon, type IconName } from './icon.tsx'

export type Toast = {
  readonly tone: 'good' | 'warn' | 'bad' | 'info'
  readonly text: string
  readonly detail?: string
}

/** More than this at once would only hide the page. */
const toastsMax = 4
const goodForMs = 4_000
const badForMs = 12_000

const icons: Record<Toast['tone'], IconName> = {
  good: 'check',
  warn: 'warning',
  bad: 'warning',
  info: 'info',
}

const toasts = signal<readonly (Toast & { id: number })[]>([])
let nextId = 1

export function pushToast(toast: Toast): void {
  const known = toasts.peek().find((other) => other.text === toast.text && other.detail === toast.detail)
  if (known) return
  const id = nextId
  nextId += 1
  toasts.value = [...toasts.peek(), { ...toast, id }].slice(-toastsMax)
  setTimeout(() => dismiss(id), toast.tone === 'bad' ? badForMs : goodForMs)
}

function dismiss(id: number): void {
  toasts.value = toasts.peek().filter((toast) => toast.id !== id)
}

export function Toasts(): JSX.Element {
  return (
    <section class="toasts" aria-label="Messages" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast tone-${toast.tone}`}>
          <Icon name={icons[toast.tone]} />
          <div class="toast-text">
            <strong>{toast.text}</strong>
            {toast.detail && <span>{toast.detail}</span>}
          </div>
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => dismiss(toast.id)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      ))}
    </section>
  )
}
