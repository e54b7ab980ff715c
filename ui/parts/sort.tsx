// A column head that sorts: first click the more useful way round, second click the other.
import type { JSX } from 'preact'
import { Icon } from './icon.tsx'

export type SortState = { readonly field: string; readonly descending: boolean }

export function SortHeader(props: {
  field: string
  label: string
  number?: boolean
  sort: SortState | null
  onSort: (sort: SortState) => void
  class?: string
}): JSX.Element {
  const { field, label, number = false, sort, onSort } = props
  const active = sort?.field === field
  const descending = active ? sort.descending : number
  return (
    <th
      scope="col"
      class={`${number ? 'number' : ''} ${props.class ?? ''}`}
      aria-sort={active ? (descending ? 'descending' : 'ascending') : 'none'}
    >
      <button
        type="button"
        class={`sort ${active ? 'active' : ''}`}
        onClick={() => onSort({ field, descending: active ? !sort.descending : number })}
      >
        {label}
        <Icon name={active && !descending ? 'up' : 'fall'} size={10} />
      </button>
    </th>
  )
}
