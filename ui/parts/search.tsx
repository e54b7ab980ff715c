// The search field of a page: `/` focuses it, Esc empties it.
import type { JSX } from 'preact'
import { Icon } from './icon.tsx'

export function SearchField(props: {
  value: string
  label: string
  onChange: (text: string) => void
}): JSX.Element {
  return (
    <div class="search">
      <Icon name="search" size={14} />
      <input
        class="input"
        type="search"
        data-search
        placeholder={props.label}
        aria-label={props.label}
        value={props.value}
        onInput={(event) => props.onChange(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') props.onChange('')
        }}
      />
      <kbd>/</kbd>
    </div>
  )
}
