// The keyboard: two-key jumps, search, pause, help. Silent inside fields and dialogs.
import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { useLocation } from 'wouter-preact'
import { live } from '../live/page.ts'
import { Dialog } from '../parts/dialog.tsx'

export const showShortcuts = signal(false)

/** How long after `g` the second key may come. */
const chordMs = 1_200

const jumps: Readonly<Record<string, string>> = {
  o: '/',
  t: '/topics',
  a: '/apps',
  l: '/dlq',
  d: '/dashboards',
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  )
}

/** Space presses what is focused, if that is something to press. */
function isPressable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('button, a, summary, [role=button]') !== null
}

export function Shortcuts(): JSX.Element | null {
  const [, navigate] = useLocation()
  useEffect(() => {
    let chordUntil = 0
    function onKey(event: KeyboardEvent): void {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.key === 'Escape' && isTyping(event.target)) (event.target as HTMLElement).blur()
      if (isTyping(event.target) || document.querySelector('dialog[open]')) return
      const path = performance.now() < chordUntil ? jumps[event.key] : undefined
      chordUntil = 0
      if (path !== undefined) {
        event.preventDefault()
        navigate(path)
      } else if (event.key === 'g') chordUntil = performance.now() + chordMs
      else if (event.key === '?') showShortcuts.value = true
      else if (event.key === '/') {
        const search = document.querySelector<HTMLElement>('[data-search]')
        if (search) event.preventDefault()
        search?.focus()
      } else if (event.key === ' ' && !isPressable(event.target)) {
        event.preventDefault()
        live.setPaused(!live.paused.peek())
      } else if (event.key === 'f') document.querySelector<HTMLElement>('[data-full]')?.click()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [navigate])

  if (!showShortcuts.value) return null
  return (
    <Dialog
      title="Keyboard shortcuts"
      onClose={() => {
        showShortcuts.value = false
      }}
    >
      <dl class="shortcuts">
        {help.map(([keys, text]) => (
          <div key={text}>
            <dt>{text}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}

const help: readonly (readonly [readonly string[], string])[] = [
  [['g', 'o'], 'Overview'],
  [['g', 't'], 'Topics'],
  [['g', 'a'], 'Apps'],
  [['g', 'l'], 'Dead letters'],
  [['g', 'd'], 'Dashboards'],
  [['/'], 'Search or filter'],
  [['Space'], 'Pause or resume live updates'],
  [['f'], 'Full screen (dashboards)'],
  [['←', '→'], 'Move along a focused chart'],
  [['Esc'], 'Close'],
  [['?'], 'This help'],
]
