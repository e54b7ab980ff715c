// A store in a process of its own, which may die: killed on purpose, or by what it reads.
//   bun store-life.ts sqlite PATH fill 500 close|kill      applies 5 batches, then closes or dies
//   bun store-life.ts sqlite PATH read 500                 prints what it finds, as JSON
import type { StateStore } from '../../../src/streams/state/state-store.ts'
import { testedStores } from './stores.ts'

export const keyOf = (n: number): string => `key-${String(n).padStart(6, '0')}`
export const textOf = (n: number): string => `value-${n}-${'x'.repeat(n % 50)}`
const batches = 5

export type Found = {
  position: number | null
  /** Rows of which the value is another, by scan or by key. */
  wrong: number
  /** Rows that are not there, by scan or by key. */
  missing: number
  /** It said that it is damaged. */
  damaged: boolean
}

function fill(store: StateStore, count: number): void {
  for (let batch = 0; batch < batches; batch++) {
    const mutations = []
    for (let n = batch; n < count; n += batches) {
      mutations.push({ key: Buffer.from(keyOf(n)), value: Buffer.from(textOf(n)) })
    }
    store.apply(mutations, { log: 'log', next: batch + 1, chain: `c${batch}` })
  }
}

function read(store: StateStore, count: number): Found {
  const found: Found = { position: store.position?.next ?? null, wrong: 0, missing: 0, damaged: false }
  if (store.position === null) return found
  try {
    const rows = new Map<string, string>()
    for (const { key, value } of store.scan(Buffer.from('key'), Buffer.from('kez'))) {
      rows.set(Buffer.from(key).toString(), Buffer.from(value).toString())
    }
    for (let n = 0; n < count; n++) {
      // A store may be older: it has the batches below its position, and no others.
      if (n % batches >= store.position.next) continue
      const byKey = store.get(Buffer.from(keyOf(n)))
      for (const value of [rows.get(keyOf(n)), byKey === null ? undefined : Buffer.from(byKey).toString()]) {
        if (value === undefined) found.missing++
        else if (value !== textOf(n)) found.wrong++
      }
    }
  } catch (thrown) {
    if ((thrown as { code?: string }).code !== 'corrupt') throw thrown
    found.damaged = true
  }
  return found
}

if (import.meta.main) {
  const [kind, path, what, count, end] = process.argv.slice(2)
  const store = testedStores.find((one) => one.kind === kind)!.open(path!)
  if (what === 'fill') {
    fill(store, Number(count))
    if (end === 'kill') process.kill(process.pid, 'SIGKILL')
    store.close()
  } else {
    console.log(JSON.stringify(read(store, Number(count))))
    store.close()
  }
}
