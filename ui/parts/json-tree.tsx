// A value as a tree that folds: keys, typed colours, bounded at every level.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { visibleText } from '../format/text.ts'
import { Icon } from './icon.tsx'

/** Children drawn before "show more"; a hostile record may hold a million. */
const childrenShown = 100
const openDepth = 3

export function JsonTree({ value }: { value: unknown }): JSX.Element {
  return (
    <div class="json">
      <Branch name={null} value={value} depth={0} />
    </div>
  )
}

function entriesOf(value: unknown): [string, unknown][] | null {
  if (Array.isArray(value)) return value.map((item, index) => [String(index), item])
  if (typeof value === 'object' && value !== null) return Object.entries(value)
  return null
}

function Branch({ name, value, depth }: { name: string | null; value: unknown; depth: number }): JSX.Element {
  const [open, setOpen] = useState(depth < openDepth)
  const [shown, setShown] = useState(childrenShown)
  const entries = entriesOf(value)
  if (!entries || entries.length === 0) {
    return (
      <div class="json-leaf">
        {name !== null && <span class="json-key">{visibleText(name)}</span>}
        <Leaf value={value} />
      </div>
    )
  }
  const brackets = Array.isArray(value) ? '[]' : '{}'
  return (
    <div class="json-branch">
      <button type="button" class="json-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? 'down' : 'right'} size={10} />
        {name !== null && <span class="json-key">{visibleText(name)}</span>}
        <span class="json-size">
          {brackets[0]}
          {entries.length}
          {brackets[1]}
        </span>
      </button>
      {open && (
        <div class="json-children">
          {entries.slice(0, shown).map(([key, child]) => (
            <Branch key={key} name={key} value={child} depth={depth + 1} />
          ))}
          {entries.length > shown && (
            <button type="button" class="link" onClick={() => setShown(shown + childrenShown)}>
              {entries.length - shown} more
            </button>
          )}
        </div>
      )}
    </div>
  )
}

function Leaf({ value }: { value: unknown }): JSX.Element {
  if (typeof value === 'string') return <span class="json-string">"{visibleText(value)}"</span>
  if (typeof value === 'number') return <span class="json-number">{String(value)}</span>
  if (typeof value === 'boolean') return <span class="json-boolean">{String(value)}</span>
  if (value === null || value === undefined) return <span class="json-null">null</span>
  return <span class="json-null">{Array.isArray(value) ? '[]' : '{}'}</span>
}
