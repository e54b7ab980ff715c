// Committed positions in memory: group, then topic, then partition. Knows nothing of the log; the newest record wins.

import type { OffsetKey, OffsetValue } from './offset-record.ts'

export type Position = OffsetValue & {
  /** Where its record lies in the journal: a later record is never undone by an earlier one that settles late. */
  readonly recordedAt: number
}

type Topics = Map<string, Map<number, Position>>

export class PositionTable {
  readonly #groups = new Map<string, Topics>()

  get groupCount(): number {
    return this.#groups.size
  }

  groups(): IterableIterator<string> {
    return this.#groups.keys()
  }

  has(group: string): boolean {
    return this.#groups.has(group)
  }

  get({ group, topic, partition }: OffsetKey): Position | undefined {
    return this.#groups.get(group)?.get(topic)?.get(partition)
  }

  countOf(group: string): number {
    let count = 0
    for (const partitions of this.#groups.get(group)?.values() ?? []) count += partitions.size
    return count
  }

  set({ group, topic, partition }: OffsetKey, position: Position): void {
    let topics = this.#groups.get(group)
    if (!topics) {
      topics = new Map()
      this.#groups.set(group, topics)
    }
    let partitions = topics.get(topic)
    if (!partitions) {
      partitions = new Map()
      topics.set(topic, partitions)
    }
    const known = partitions.get(partition)
    if (!known || known.recordedAt <= position.recordedAt) partitions.set(partition, position)
  }

  delete({ group, topic, partition }: OffsetKey): void {
    const topics = this.#groups.get(group)
    const partitions = topics?.get(topic)
    if (!topics || !partitions?.delete(partition)) return
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) this.#groups.delete(group)
  }

  /** Every position, or those of one group. */
  *entries(group?: string): Generator<readonly [OffsetKey, Position]> {
    const groups = group === undefined ? this.#groups.keys() : [group]
    for (const id of groups) {
      for (const [topic, partitions] of this.#groups.get(id) ?? []) {
        for (const [partition, position] of partitions) yield [{ group: id, topic, partition }, position]
      }
    }
  }

  /** Keys of every position in a topic. */
  keysOf(topic: string): OffsetKey[] {
    const keys: OffsetKey[] = []
    for (const [group, topics] of this.#groups) {
      for (const partition of topics.get(topic)?.keys() ?? []) keys.push({ group, topic, partition })
    }
    return keys
  }
}
