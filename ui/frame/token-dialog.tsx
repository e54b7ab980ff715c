// Asked when the server wants a token: explains which one, keeps it for this tab, starts over with it.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { saveToken, tokenAsked } from '../api/token.ts'
import { Field } from '../parts/choice.tsx'
import { Dialog } from '../parts/dialog.tsx'

export function TokenDialog(): JSX.Element | null {
  const [token, setToken] = useState('')
  if (!tokenAsked.value) return null
  return (
    <Dialog
      title="This server asks for a token"
      onClose={() => {
        tokenAsked.value = false
      }}
    >
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          saveToken(token.trim())
          location.reload()
        }}
      >
        <Field label="Token" hint="The one the server was started with. It is kept until this tab is closed.">
          {(id) => (
            <input
              id={id}
              class="input mono"
              type="password"
              autocomplete="off"
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
            />
          )}
        </Field>
        <div class="form-end">
          <button type="submit" class="button primary" disabled={token.trim() === ''}>
            Sign in
          </button>
        </div>
      </form>
    </Dialog>
  )
}
