// All topics of the node: a table in memory over the journal of definitions. Changes run one after another.
import { asMillis, BrokerError, type Clock, type Random } from '#base'
import type { LogEntry, LogGroup } from '#log'
import type { RecordInput, RecordView } from '#record'
import type { Access, TopicConfigChange, TopicSpec } from './api.ts'
import { changedConfig, defaultConfig, keptForEver } from './config.ts'
import type { Journal } from './journal.ts'
import type { BrokerLimits } from './limits.ts'
import { checkTopicName, isBrokersOwn, isReserved } from './name.ts'
import { suggest } from './suggestion.ts'
import { partitionIds, Topic } from './topic.ts'
import {
  decodeTopicKey,
  decodeTopicValue,
  encodeTopicKey,
  encodeTopicValue,
  type TopicDefinition,
} from './topic-record.ts'
import type { Traffic } from './traffic.ts'

export type CatalogueOptions = {
  readonly log: LogGroup
  readonly clock: Clock
  readonly random: Random
  readonly limits: BrokerLimits
  readonly traffic: Traffic
}

const noneLost: ReadonlySet<number> = new Set()

/** Appends entries that delete a topic, together with whatever else must go in the same moment. */
export type AppendDeletion = (entries: readonly LogEntry[]) => Promise<unknown>

export class Catalogue {
  readonly #options: CatalogueOptions
  readonly #topics = new Map<string, Topic>()
  #journal!: Journal
  #changesWaiting = 0

  constructor(options: CatalogueOptions) {
    this.#options = options
  }

  async open(journal: Journal): Promise<void> {
    this.#journal = journal
    const definitions = new Map<string, TopicDefinition>()
    await journal.replay((record) => restore(definitions, record))
    for (const definition of definitions.values()) this.#add(definition, this.#lostOf(definition))
  }

  *[Symbol.iterator](): Generator<Topic> {
    for (const topic of this.#topics.values()) if (!topic.gone) yield topic
  }

  has(name: string): boolean {
    return this.#topics.get(name)?.gone === false
  }

  /** Throws `not_found` with a did-you-mean. */
  topic(name: string): Topic {
    const found = this.#topics.get(name)
    if (found && !found.gone) return found
    const near = suggest(name, this.#topics.keys())
    const hint = near === undefined ? '' : `; did you mean "${near}"?`
    throw new BrokerError('not_found', `topic "${name.slice(0, 249)}" does not exist${hint}`, {
      fix: `create it: pspf topic create ${name.slice(0, 249)}`,
      ...(near === undefined ? {} : { details: { didYouMean: near } }),
    })
  }

  /** Live records of the journal. */
  *records(): Generator<RecordInput> {
    for (const topic of this) yield this.#record(topic.definition)
  }

  create(spec: TopicSpec, access: Access): Promise<Topic> {
    return this.#change(async () => {
      const definition = this.#define(spec, access)
      const creates: LogEntry[] = Array.from({ length: definition.partitions }, (_, partition) => ({
        kind: 'create',
        id: { topicId: definition.id, partition },
        topic: definition.name,
      }))
      await this.#journal.append([this.#record(definition)], creates, () => this.#add(definition, noneLost))
      return this.topic(definition.name)
    })
  }

  alter(name: string, change: TopicConfigChange, access: Access): Promise<Topic> {
    return this.#change(async () => {
      const topic = this.#owned(name, access, 'alter')
      const config = changedConfig(topic.config, change)
      const record = this.#record({ ...topic.definition, config })
      const apply = () => {
        topic.config = config
      }
      // A shorter retention is one way out of a full disk.
      await this.#journal.append([record], [], apply, { useReserve: true })
      return topic
    })
  }

  /** Answers the deleted topic. */
  delete(name: string, access: Access, appendDeletion: AppendDeletion): Promise<Topic> {
    return this.#change(async () => {
      const topic = this.#owned(name, access, 'delete')
      topic.gone = true
      try {
        await appendDeletion([
          ...topic.partitionIds.map((id): LogEntry => ({ kind: 'delete', id })),
          this.#journal.batchOf([
            { key: encodeTopicKey(name), value: null, timestamp: this.#options.clock.now() },
          ]),
        ])
      } catch (thrown) {
        topic.gone = false
        throw thrown
      }
      this.#topics.delete(name)
      this.#options.traffic.forget(name)
      return topic
    })
  }

  /** A topic that the caller may change; throws `forbidden` for one that belongs to a part of pspf. */
  #owned(name: string, access: Access, verb: string): Topic {
    const topic = this.topic(name)
    checkMayChange(topic, access, verb)
    return topic
  }

  async #change<T>(work: () => Promise<T>): Promise<T> {
    const { topicChangesWaitingMax } = this.#options.limits
    if (this.#changesWaiting >= topicChangesWaitingMax) {
      throw new BrokerError('busy', `${this.#changesWaiting} changes of topics are waiting already`, {
        fix: 'wait for some of them, then try again',
        details: { limit: topicChangesWaitingMax },
      })
    }
    this.#changesWaiting++
    try {
      return await this.#journal.exclusive(work)
    } finally {
      this.#changesWaiting--
      this.#journal.maybeRewrite()
    }
  }

  #define(spec: TopicSpec, access: Access): TopicDefinition {
    const { clock, random, limits } = this.#options
    const { name, partitions = 1 } = spec
    checkTopicName(name)
    if (isReserved(name) && (!access.internal || isBrokersOwn(name))) throw reserved(name, 'create')
    if (this.#topics.has(name)) {
      throw new BrokerError('already_exists', `topic "${name}" exists already`, {
        fix: `use it as it is, change it with: pspf topic alter ${name} --set ..., or choose another name`,
      })
    }
    this.#checkLetterCase(name)
    this.#checkPartitions(name, partitions, limits)
    return {
      name,
      id: random.id(),
      partitions,
      internal: access.internal ?? false,
      createdAt: asMillis(clock.now()),
      config: changedConfig(defaultConfig, spec.config ?? {}),
    }
  }

  /** Directories bear the names of topics, and a data directory must be able to move to any computer. */
  #checkLetterCase(name: string): void {
    const lower = name.toLowerCase()
    for (const existing of this.#topics.keys()) {
      if (existing.length !== name.length || existing.toLowerCase() !== lower) continue
      const why = `topic "${name}" differs from "${existing}" only in letter case`
      throw new BrokerError('already_exists', `${why}, and some file systems cannot hold both`, {
        fix: `use "${existing}", or choose another name`,
        details: { existing },
      })
    }
  }

  #checkPartitions(name: string, partitions: number, limits: BrokerLimits): void {
    const { partitionsPerTopicMax, partitionsMax } = limits
    if (!Number.isSafeInteger(partitions) || partitions < 1 || partitions > partitionsPerTopicMax) {
      throw new BrokerError(
        'invalid_request',
        `topic "${name}" cannot have ${JSON.stringify(partitions)} partitions`,
        {
          fix: `give a whole number from 1 to ${partitionsPerTopicMax}`,
          details: { limit: partitionsPerTopicMax },
        },
      )
    }
    const taken = [...this.#topics.values()].reduce((sum, topic) => sum + topic.partitionIds.length, 0)
    if (taken + partitions <= partitionsMax) return
    throw new BrokerError('conflict', `the node has ${taken} partitions, and ${partitionsMax} is its limit`, {
      fix: 'delete topics that are not needed',
      details: { limit: partitionsMax, taken },
    })
  }

  #add(stored: TopicDefinition, lost: ReadonlySet<number>): void {
    const { log } = this.#options
    // What an older version wrote of the broker's own topics does not bind this one.
    const definition = isBrokersOwn(stored.name) ? { ...stored, config: keptForEver } : stored
    const traffic = this.#options.traffic.open(definition.name)
    this.#topics.set(definition.name, new Topic(definition, { log, traffic, lost }))
  }

  /** Partitions that recovery could not bring back whole. */
  #lostOf(definition: TopicDefinition): Set<number> {
    const { log } = this.#options
    const missing = partitionIds(definition).filter((id) => !log.partition(id))
    const quarantined = log.report.quarantined.filter(({ topic }) => topic === definition.name)
    return new Set([...missing, ...quarantined].map(({ partition }) => partition))
  }

  #record(definition: TopicDefinition): RecordInput {
    return {
      key: encodeTopicKey(definition.name),
      value: encodeTopicValue(definition),
      timestamp: this.#options.clock.now(),
    }
  }
}

/** Throws `forbidden` unless the caller may write to, alter or delete the topic. */
export function checkMayChange(topic: Topic, access: Access, verb: string): void {
  if (isBrokersOwn(topic.name)) throw reserved(topic.name, verb)
  if (topic.internal && !access.internal) throw reserved(topic.name, verb)
}

function reserved(name: string, verb: string): BrokerError {
  return new BrokerError('forbidden', `you cannot ${verb} "${name}": it belongs to pspf itself`, {
    fix:
      verb === 'create'
        ? 'choose a name that does not start with "_pspf." or "__"'
        : 'read it if you like; pspf writes it',
  })
}

function restore(definitions: Map<string, TopicDefinition>, { key, value }: RecordView): void {
  if (key === null) return
  const name = decodeTopicKey(key)
  // A topic that was deleted and created again is a new one, at the end of the list.
  definitions.delete(name)
  if (value !== null) definitions.set(name, decodeTopicValue(name, value))
}
