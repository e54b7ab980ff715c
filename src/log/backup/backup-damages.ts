// The partitions of a backup that are not whole, each with the first reason found.
import type { PartitionId } from '../api.ts'
import type { BackupDamage } from './manifest.ts'

type Named = { readonly topic: string; readonly id: PartitionId }

export class BackupDamages {
  readonly #byName = new Map<string, BackupDamage>()

  add(partition: Named, why: string): void {
    const name = nameOf(partition)
    if (this.#byName.has(name)) return
    this.#byName.set(name, { topic: partition.topic, partition: partition.id.partition, why })
  }

  of(partition: Named): string | undefined {
    return this.#byName.get(nameOf(partition))?.why
  }

  list(): BackupDamage[] {
    return [...this.#byName.values()]
  }
}

function nameOf({ id }: Named): string {
  return `${id.topicId}-${id.partition}`
}
