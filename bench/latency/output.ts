// Follows an output topic and sees when each result comes.

export type Output = {
  /** Bids whose results have come: a row of an app that counts may stand for several. */
  readonly rows: number
  /** When the last of them came, by `performance.now()`. */
  readonly lastAt: number
  until(rows: number, waitMsMax: number): Promise<void>
  stop(): void
}

type Row = { readonly dueAt: readonly number[] }

/** From the end of the topic on. `see` is called with when a bid was due and when its result came, in milliseconds since 1970 UTC. */
export async function followOutput(
  url: string,
  see: (dueAt: number, seenAt: number) => void = () => undefined,
): Promise<Output> {
  const ending = new AbortController()
  const headers = { accept: 'application/x-ndjson' }
  const topic = (await (await fetch(url)).json()) as { records: number }
  const from = topic.records
  const state = { rows: 0, lastAt: 0 }
  const read = async () => {
    // Answered when there is a first row, so nobody waits for it.
    const response = await fetch(`${url}/records?follow=true&from=${from}`, {
      headers,
      signal: ending.signal,
    })
    let rest = new Uint8Array(0)
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      const seenAt = performance.timeOrigin + performance.now()
      const bytes = rest.length === 0 ? part : Buffer.concat([rest, part])
      const end = bytes.lastIndexOf(10) + 1
      for (const { value } of Bun.JSONL.parse(bytes.subarray(0, end)) as { value: Row }[]) {
        for (const dueAt of value.dueAt) see(dueAt, seenAt)
        state.rows += value.dueAt.length
      }
      rest = new Uint8Array(bytes.subarray(end))
      state.lastAt = performance.now()
    }
  }
  read().catch((error: unknown) => {
    if (!ending.signal.aborted) console.error(error)
  })
  return {
    get rows() {
      return state.rows
    },
    get lastAt() {
      return state.lastAt
    },
    async until(rows, waitMsMax) {
      const deadline = performance.now() + waitMsMax
      while (state.rows < rows) {
        if (performance.now() > deadline) throw new Error(`${rows - state.rows} results did not come`)
        await Bun.sleep(20)
      }
    },
    stop: () => ending.abort(),
  }
}
