// The theme switch: light, dark or as the system says. `theme.ts` applies the same choice before the first picture.
import { effect, signal } from '@preact/signals'
import { themeVersion } from '../chart/palette.ts'

export type ThemeChoice = 'system' | 'light' | 'dark'

const storageKey = 'pspf.theme'
const systemDark = matchMedia('(prefers-color-scheme: dark)')
const themeOf = (text: string | null): ThemeChoice => (text === 'light' || text === 'dark' ? text : 'system')

const asked = new URLSearchParams(location.search).get('theme')

function stored(): string | null {
  try {
    return localStorage.getItem(storageKey)
  } catch {
    return null // Storage is off: the choice lasts as long as the page.
  }
}

export const themeChoice = signal<ThemeChoice>(themeOf(asked ?? stored()))
const systemIsDark = signal(systemDark.matches)
systemDark.addEventListener('change', (event) => {
  systemIsDark.value = event.matches
})

effect(() => {
  const choice = themeChoice.value
  const dark = choice === 'dark' || (choice === 'system' && systemIsDark.value)
  document.documentElement.dataset['theme'] = dark ? 'dark' : 'light'
  themeVersion.value = themeVersion.peek() + 1
})

export function chooseTheme(choice: ThemeChoice): void {
  themeChoice.value = choice
  try {
    localStorage.setItem(storageKey, choice)
  } catch {
    return // Storage is off: the choice lasts as long as the page.
  }
}

const order: readonly ThemeChoice[] = ['system', 'light', 'dark']

export function nextTheme(choice: ThemeChoice): ThemeChoice {
  return order[(order.indexOf(choice) + 1) % order.length]!
}

export const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)')
