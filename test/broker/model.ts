// The broker as a few maps, and random sequences of what can happen to it. After every step the real one must agree.
import { expect } from 'bun:test'
import fc from 'fast-check'
import { asOffset } from '#base'
import type { Broker, RecordPosition } from '#broker'
import { BatchBuilder } from '#record'
import { bytes, readAll, record } from './fixture.ts'

export type Subject = {
  readonly broker: Broker
  /** Closes and opens again, over the same records. */
  restart(): Promise<void>
}

const names = ['a', 'b', 'c'] as const
const groups = ['g', 'h'] as const

const value = fc.record({
  key: fc.option(fc.constantFrom('x', 'y', 'z')),
  partition: fc.option(fc.nat(1), { nil: undefined }),
})
const name = fc.constantFrom(...names)
const group = fc.constantFrom(...groups)
const share = fc.double({ min: 0, max: 1, noNaN: true })

/** One thing that happens. `share` picks an offset between the start and the end. */
export const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('create'), name, partitions: fc.integer({ min: 1, max: 2 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), name }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('produce'),
      calls: fc.array(fc.record({ name, records: fc.array(value, { maxLength: 4 }) }), { maxLength: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate'), name, partition: fc.nat(1), share }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fence'), group }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('commit'),
      group,
      name,
      partition: fc.nat(1),
      share,
      stale: fc.boolean(),
      output: fc.option(name, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
)
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

type ModelTopic = { readonly partitions: string[][]; readonly starts: number[] }

export class Model {
  readonly #subject: Subject
  readonly #topics = new Map<string, ModelTopic>()
  readonly #positions = new Map<string, number>()
  readonly #epochs = new Map<string, number>()
  #count = 0

  constructor(subject: Subject) {
    this.#subject = subject
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'create':
        return this.#create(step.name!, step.partitions!)
      case 'delete':
        return this.#delete(step.name!)
      case 'produce':
        return this.#produce(step.calls!)
      case 'truncate':
        return this.#truncate(step.name!, step.partition!, step.share!)
      case 'fence':
        return this.#fence(step.group!)
      case 'commit':
        return this.#commit(step)
      default:
        return this.#subject.restart()
    }
  }

  /** Everything that can be read says what the model says. */
  async check(): Promise<void> {
    const { broker } = this.#subject
    const users = broker.topics().filter(({ internal }) => !internal)
    expect(users.map(({ name }) => name)).toEqual([...this.#topics.keys()].sort())
    for (const { name, partitions } of users) {
      const topic = this.#topics.get(name)!
      for (const { partition, startOffset, endOffset } of partitions) {
        const values = topic.partitions[partition]!
        expect(endOffset).toBe(asOffset(values.length))
        expect(startOffset).toBeLessThanOrEqual(topic.starts[partition]!)
        const stored = await readAll(broker, name, partition)
        const seen = stored.filter(({ offset }) => offset >= startOffset)
        expect(seen.map(({ value }) => value!)).toEqual(values.slice(startOffset))
      }
    }
    const positions = broker
      .groups()
      .flatMap(({ id, offsets }) =>
        offsets.map((each) => [`${id}/${each.topic}/${each.partition}`, each.offset] as [string, number]),
      )
    expect(new Map(positions)).toEqual(this.#positions)
  }

  async #create(name: string, partitions: number): Promise<void> {
    const { broker } = this.#subject
    const exists = this.#topics.has(name)
    const tries = await Promise.allSettled([
      broker.createTopic({ name, partitions }),
      broker.createTopic({ name, partitions }),
    ])
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(exists ? 0 : 1)
    if (exists) return
    const empty = () => Array.from({ length: partitions }, (): string[] => [])
    this.#topics.set(name, { partitions: empty(), starts: Array(partitions).fill(0) })
  }

  async #delete(name: string): Promise<void> {
    const deleted = await this.#subject.broker.deleteTopic(name).then(
      () => true,
      () => false,
    )
    expect(deleted).toBe(this.#topics.delete(name))
    for (const key of this.#positions.keys()) if (key.split('/')[1] === name) this.#positions.delete(key)
  }

  /** All calls at once: each is whole or refused, and its positions are right. */
  async #produce(calls: NonNullable<Extract<Step, { calls?: unknown }>['calls']>): Promise<void> {
    const sent = calls.map(({ name, records }) => {
      const values = records.map(() => `${this.#count++}`)
      return {
        name,
        values,
        wanted: records.map(({ key, partition }, at) => toRecord(values[at]!, key, partition)),
      }
    })
    const answers = await Promise.allSettled(
      sent.map(({ name, wanted }) => this.#subject.broker.produce(name, wanted)),
    )
    const placed: { name: string; value: string; position: RecordPosition }[] = []
    sent.forEach(({ name, values, wanted }, index) => {
      const count = this.#topics.get(name)?.partitions.length ?? 0
      const fits = count > 0 && wanted.every(({ partition }) => (partition ?? 0) < count)
      const answer = answers[index]!
      expect(answer.status).toBe(fits ? 'fulfilled' : 'rejected')
      if (answer.status !== 'fulfilled') return
      answer.value.forEach((position, at) => {
        placed.push({ name, value: values[at]!, position })
      })
    })
    placed.sort((a, b) => a.position.offset - b.position.offset)
    for (const { name, value, position } of placed) {
      const values = this.#topics.get(name)!.partitions[position.partition]!
      expect(position.offset).toBe(asOffset(values.length))
      values.push(value)
    }
  }

  async #truncate(name: string, partition: number, share: number): Promise<void> {
    const topic = this.#topics.get(name)
    const values = topic?.partitions[partition]
    if (!topic || !values) return
    const before = Math.round(values.length * share)
    await this.#subject.broker.truncateTopic(name, partition, asOffset(before))
    topic.starts[partition] = Math.max(topic.starts[partition]!, before)
  }

  async #fence(group: string): Promise<void> {
    const epoch = (this.#epochs.get(group) ?? 0) + 1
    expect(await this.#subject.broker.fence(group, 'task')).toBe(epoch)
    this.#epochs.set(group, epoch)
  }

  async #commit({ group, name, partition, share, stale, output }: CommitStep): Promise<void> {
    const values = this.#topics.get(name!)?.partitions[partition!]
    const into = output === undefined ? undefined : this.#topics.get(output)?.partitions[0]
    if (!values || (output !== undefined && !into)) return
    const epoch = this.#epochs.get(group!) ?? 0
    const offset = Math.round(values.length * share!)
    const made = `${this.#count++}`
    const committed = await this.#subject.broker
      .commit({
        group: group!,
        owner: 'task',
        epoch: stale ? epoch - 1 : epoch,
        batches: output === undefined ? [] : [{ topic: output, partition: 0, batch: batchOf(made) }],
        offsets: [{ topic: name!, partition: partition!, offset: asOffset(offset) }],
      })
      .then(
        ({ positions }) => positions,
        () => null,
      )
    expect(committed !== null).toBe(!stale && epoch > 0)
    if (committed === null) return
    if (into) expect(committed[0]).toBe(asOffset(into.push(made) - 1))
    this.#positions.set(`${group}/${name}/${partition}`, offset)
  }
}

type CommitStep = Extract<Step, { stale?: unknown }>

function toRecord(value: string, key: string | null, partition: number | undefined) {
  return { ...record(value, key), ...(partition === undefined ? {} : { partition }) }
}

function batchOf(value: string): Uint8Array {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: bytes(value), timestamp: 1 })
  return builder.build()
}
