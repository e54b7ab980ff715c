// Where the page is: routes below the base path, and the part of the state that lives in the URL.
import { useMemo } from 'preact/hooks'
import { useLocation, useSearch } from 'wouter-preact'

/** `/sub` for a page whose `<base href>` is `/sub/`, empty at the root. */
export const routerBase = new URL(document.baseURI).pathname.replace(/\/$/, '')

export type Patch = Readonly<Record<string, string | number | null | undefined>>

/** The query of the URL and a way to change some of it: null or an empty text removes a parameter. */
export function useQuery(): [URLSearchParams, (patch: Patch) => void] {
  const search = useSearch()
  const [path, navigate] = useLocation()
  const query = useMemo(() => new URLSearchParams(search), [search])
  function change(patch: Patch): void {
    // Several changes within one event must add up, so the newest URL counts, not the one last drawn.
    const next = new URLSearchParams(location.search)
    for (const [name, value] of Object.entries(patch)) {
      if (value === null || value === undefined || value === '') next.delete(name)
      else next.set(name, String(value))
    }
    const text = next.toString()
    navigate(text ? `${path}?${text}` : path, { replace: true })
  }
  return [query, change]
}
