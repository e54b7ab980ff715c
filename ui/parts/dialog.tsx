// Modal dialogs and drawers on the browser's own <dialog>: focus is kept inside and returned afterwards.
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Icon } from './icon.tsx'

const firstField = '.dialog-body form :is(input:not([type=radio], [type=checkbox]), textarea, select)'

export function Dialog(props: {
  title: string
  onClose: () => void
  kind?: 'modal' | 'drawer'
  actions?: ComponentChildren
  children: ComponentChildren
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null)
  const titleId = useId()

  useEffect(() => {
    const returnTo = document.activeElement
    dialog.current?.showModal()
    // The browser would begin at the close button; who opened a form wants to fill it in.
    dialog.current?.querySelector<HTMLElement>(firstField)?.focus()
    return () => {
      if (returnTo instanceof HTMLElement && returnTo.isConnected) returnTo.focus()
    }
  }, [])

  return (
    <dialog
      ref={dialog}
      class={props.kind ?? 'modal'}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        props.onClose()
      }}
      onClose={props.onClose}
      onMouseDown={(event) => {
        if (event.target === dialog.current) props.onClose()
      }}
    >
      <div class="dialog-inner">
        <header class="dialog-head">
          <h2 id={titleId}>{props.title}</h2>
          {props.actions}
          <button type="button" class="icon-button" aria-label="Close" onClick={props.onClose}>
            <Icon name="close" />
          </button>
        </header>
        <div class="dialog-body">{props.children}</div>
      </div>
    </dialog>
  )
}
