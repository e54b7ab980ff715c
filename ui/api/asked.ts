// An answer of the REST API that is asked for again every few seconds while the page is seen and not paused.
import { useEffect, useState } from 'preact/hooks'
import { live } from '../live/page.ts'
import type { ApiProblem } from './client.ts'

export type Asked<T> = {
  readonly answer: T | null
  readonly problem: ApiProblem | null
  /** Asks now; `null`: there was no answer. */
  readonly refresh: () => Promise<T | null>
}

const refreshMs = 3_000

/** `about`: what the question depends on, as text; another one starts anew. */
export function useAsked<T>(about: string, ask: () => Promise<T>): Asked<T> {
  const [state, setState] = useState<{ about: string; answer: T | null; problem: ApiProblem | null }>({
    about,
    answer: null,
    problem: null,
  })

  async function refresh(): Promise<T | null> {
    try {
      const answer = await ask()
      setState({ about, answer, problem: null })
      return answer
    } catch (thrown) {
      // The answer to another question is none to this one.
      setState((before) => ({
        about,
        answer: before.about === about ? before.answer : null,
        problem: thrown as ApiProblem,
      }))
      return null
    }
  }

  useEffect(() => {
    let gone = false
    let timer: ReturnType<typeof setTimeout> | undefined
    async function loop(): Promise<void> {
      const idle = document.visibilityState !== 'visible' || live.paused.peek()
      if (!idle) await refresh()
      if (!gone) timer = setTimeout(() => void loop(), refreshMs)
    }
    void loop()
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [about])
  return { answer: state.about === about ? state.answer : null, problem: state.problem, refresh }
}
