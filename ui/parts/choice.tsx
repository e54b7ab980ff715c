// Choosing: segmented switches, tabs, fields and small menus.
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Icon, type IconName } from './icon.tsx'

export type Option<T extends string> = { readonly value: T; readonly label: string }

export function Segments<T extends string>(props: {
  label: string
  options: readonly Option<T>[]
  value: T
  onChange: (value: T) => void
}): JSX.Element {
  return (
    <fieldset class="segments">
      <legend class="offscreen">{props.label}</legend>
      {props.options.map(({ value, label }) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          onClick={() => props.onChange(value)}
        >
          {label}
        </button>
      ))}
    </fieldset>
  )
}

export function Tabs<T extends string>(props: {
  label: string
  options: readonly Option<T>[]
  value: T
  onChange: (value: T) => void
}): JSX.Element {
  const list = useRef<HTMLDivElement>(null)
  function move(event: KeyboardEvent): void {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    const { options } = props
    const index = options.findIndex((option) => option.value === props.value)
    const next = (index + step + options.length) % options.length
    props.onChange(options[next]!.value)
    list.current?.querySelectorAll('button')[next]?.focus()
  }
  return (
    <div class="tabs" role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
      {props.options.map(({ value, label }) => (
        <button
          key={value}
          type="button"
          role="tab"
          aria-selected={value === props.value}
          tabIndex={value === props.value ? 0 : -1}
          onClick={() => props.onChange(value)}
        >
          {label}
        </button>
      ))}
    </div>
  )
}

export function Field(props: {
  label: string
  hint?: ComponentChildren
  problem?: string | null
  children: (id: string) => ComponentChildren
}): JSX.Element {
  const id = useId()
  return (
    <div class={`field ${props.problem ? 'wrong' : ''}`}>
      <label for={id}>{props.label}</label>
      {props.children(id)}
      {props.problem ? (
        <span class="field-problem" role="alert">
          {props.problem}
        </span>
      ) : (
        props.hint && <span class="field-hint">{props.hint}</span>
      )}
    </div>
  )
}

export function Select<T extends string>(props: {
  id?: string
  label?: string
  value: T
  options: readonly Option<T>[]
  onChange: (value: T) => void
}): JSX.Element {
  return (
    <span class="select">
      <select
        id={props.id}
        aria-label={props.label}
        value={props.value}
        onChange={(event) => props.onChange(event.currentTarget.value as T)}
      >
        {props.options.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
      <Icon name="down" size={12} />
    </span>
  )
}

export type MenuItem = { readonly label: string; readonly icon: IconName; readonly run: () => void }

export function Menu(props: { label: string; items: readonly MenuItem[] }): JSX.Element {
  const [open, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!open) return
    root.current?.querySelector<HTMLButtonElement>('[role=menuitem]')?.focus()
    const away = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false)
    }
    document.addEventListener('pointerdown', away)
    return () => document.removeEventListener('pointerdown', away)
  }, [open])

  function onKey(event: KeyboardEvent): void {
    if (!open) return
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    const items = [...(root.current?.querySelectorAll<HTMLButtonElement>('[role=menuitem]') ?? [])]
    if (event.key === 'Escape') {
      event.stopPropagation()
      setOpen(false)
      root.current?.querySelector<HTMLButtonElement>('.icon-button')?.focus()
    } else if (step !== 0 && items.length > 0) {
      event.preventDefault()
      const index = items.indexOf(document.activeElement as HTMLButtonElement)
      items[(index + step + items.length) % items.length]!.focus()
    }
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys bubble from the buttons inside, which carry the roles
    <div class="menu" ref={root} onKeyDown={onKey}>
      <button
        type="button"
        class="icon-button"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={props.label}
        onClick={() => setOpen(!open)}
      >
        <Icon name="more" />
      </button>
      {open && (
        <div class="menu-list" role="menu" aria-label={props.label}>
          {props.items.map(({ label, icon, run }) => (
            <button
              key={label}
              type="button"
              role="menuitem"
              onClick={() => {
                setOpen(false)
                run()
              }}
            >
              <Icon name={icon} size={14} />
              {label}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}
