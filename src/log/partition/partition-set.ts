// The partitions of a log group, found by id, and the changes to the set itself.
import { assert } from '#base'
import type { PartitionId } from '../api.ts'
import { deletedSuffix, topicsDirectory } from '../disk/data-directory.ts'
import type { LogContext } from '../options.ts'
import { type PartitionLog, partitionDirectory } from './partition-log.ts'

/** Where a deleted partition's files wait. By id alone: the longest topic name leaves no room for more in a file name. */
export function asideDirectory(directory: string, { topicId, partition }: PartitionId): string {
  return `${topicsDirectory(directory)}/${topicId}-${partition}${deletedSuffix}`
}

export class PartitionSet {
  readonly #context: LogContext
  readonly #byTopicId = new Map<string, PartitionLog[]>()
  readonly #byDirectory = new Map<string, PartitionLog>()
  /** Made or deleted by the frame that is being written: what is visible does not have them yet, or still has them. */
  readonly #coming = new Set<PartitionLog>()
  #going: PartitionLog[] = []
  /** Set when `topics/` has an entry that is not durable yet. */
  directoryChanged = false

  constructor(context: LogContext) {
    this.#context = context
  }

  /** Those that are durable and visible now, whatever a frame is doing meanwhile. */
  visible(): PartitionLog[] {
    const there = [...this.#byDirectory.values()].filter((partition) => !this.#coming.has(partition))
    return [...this.#going, ...there]
  }

  /** What the frame made and deleted is visible now. */
  publish(): void {
    this.#coming.clear()
    this.#going = []
  }

  get count(): number {
    return this.#byDirectory.size
  }

  /** An array lookup per batch: topic ids are the same string object from call to call, so hashing them is cheap. */
  get({ topicId, partition }: PartitionId): PartitionLog | undefined {
    return this.#byTopicId.get(topicId)?.[partition]
  }

  hasDirectory(topic: string, partition: number): boolean {
    return this.#byDirectory.has(partitionDirectory(topic, partition))
  }

  [Symbol.iterator](): Iterator<PartitionLog> {
    return this.#byDirectory.values()
  }

  /** A partition whose directory is there already. */
  add(partition: PartitionLog): void {
    const { id, topic } = partition
    const directory = partitionDirectory(topic, id.partition)
    assert(!this.#byDirectory.has(directory), 'a directory belongs to one partition')
    const ofTopic = this.#byTopicId.get(id.topicId) ?? []
    ofTopic[id.partition] = partition
    this.#byTopicId.set(id.topicId, ofTopic)
    this.#byDirectory.set(directory, partition)
  }

  /** May be called again after an error. */
  create(partition: PartitionLog): void {
    this.#context.disk.makeDirectory(partition.directory)
    this.directoryChanged = true
    this.add(partition)
    this.#coming.add(partition)
  }

  /** Moves its files out of the way; answers the path to remove, or null if nothing is there. As `create` after an error. */
  delete(partition: PartitionLog): string | null {
    const { id, topic } = partition
    const aside = this.#setAside(partition)
    this.#going.push(partition)
    partition.retire(aside ?? undefined)
    const ofTopic = this.#byTopicId.get(id.topicId) ?? []
    delete ofTopic[id.partition]
    if (ofTopic.every((other) => other === undefined)) this.#byTopicId.delete(id.topicId)
    this.#byDirectory.delete(partitionDirectory(topic, id.partition))
    return aside
  }

  close(): void {
    for (const partition of this) partition.close()
  }

  #setAside({ id, directory }: PartitionLog): string | null {
    const { disk } = this.#context
    if (!disk.exists(directory)) return null
    const aside = asideDirectory(this.#context.directory, id)
    // Left by an earlier attempt that a crash undid.
    disk.remove(aside)
    disk.rename(directory, aside)
    this.directoryChanged = true
    return aside
  }
}
