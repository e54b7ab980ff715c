// A client that writes down, away from the disk under test, what was acknowledged to it, and later asks for all of it.
import type { Problem, ProduceAnswer, RecordsPage } from '../../src/http/contract.ts'
import type { Node } from '../e2e/binary.ts'

export type Refusal = { readonly status: number; readonly problem: Problem }

export class Journal {
  readonly #topic: string
  /** Number of the record by the offset that was acknowledged. */
  readonly acknowledged = new Map<number, number>()
  #next = 0

  constructor(topic: string) {
    this.#topic = topic
  }

  /** Sends so many records in one request; a refusal is answered, a broken connection thrown. */
  async send(node: Node, count: number, padding = ''): Promise<Refusal | null> {
    const numbers = Array.from({ length: count }, () => this.#next++)
    const response = await fetch(`${node.url}/api/v1/topics/${this.#topic}/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records: numbers.map((n) => ({ value: { n, padding } })) }),
    })
    if (!response.ok) return { status: response.status, problem: (await response.json()) as Problem }
    const { offsets } = (await response.json()) as ProduceAnswer
    for (const [index, { offset }] of offsets.entries()) this.acknowledged.set(offset, numbers[index]!)
    return null
  }

  /** Sends until it is refused, or `over` says that it is enough. */
  async sendUntilRefused(node: Node, over: () => boolean, padding = ''): Promise<Refusal | null> {
    while (!over()) {
      const refusal = await this.send(node, 5, padding)
      if (refusal) return refusal
    }
    return null
  }

  /** As many clients as asked for send until their connections break. */
  async flood(node: Node, clients: number, over: () => boolean): Promise<void> {
    const client = async () => {
      try {
        await this.sendUntilRefused(node, over)
      } catch {
        return // What was in flight is unknown, and stays so.
      }
    }
    await Promise.all(Array.from({ length: clients }, client))
  }

  /** Throws unless every acknowledged record is there once, at its place. Answers how many records there are. */
  async check(node: Node): Promise<number> {
    const found = new Map<number, number>()
    const seen = new Set<number>()
    for (let from = 0; ; ) {
      const page = await node.get<RecordsPage>(
        `/api/v1/topics/${this.#topic}/records?partition=0&from=${from}&limit=1000`,
      )
      for (const { offset, value } of page.records) {
        const { n } = value as { n: number }
        if (offset !== found.size) throw new Error(`offset ${offset} follows ${found.size - 1}`)
        if (seen.has(n)) throw new Error(`record ${n} is there twice`)
        seen.add(n)
        found.set(offset, n)
      }
      from = page.next
      if (from >= page.endOffset) break
    }
    for (const [offset, n] of this.acknowledged)
      if (found.get(offset) !== n)
        throw new Error(`record ${n} was acknowledged at ${offset}; there is ${found.get(offset)}`)
    return found.size
  }
}
