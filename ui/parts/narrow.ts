// Whether the page is as narrow as a phone's: some things are then shown in another way, not only smaller.
import { signal } from '@preact/signals'

const query = matchMedia('(max-width: 720px)')

export const narrow = signal(query.matches)

query.addEventListener('change', (event) => {
  narrow.value = event.matches
})
