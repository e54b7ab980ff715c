import { describe, expect, test } from 'bun:test'
import { asOffset, BrokerError, silentLogger } from '#base'
import type { TopicInfo } from '#broker'
import { BatchBuilder, writeBaseOffset } from '#record'
import { defaultLiveLimits } from '../../src/dashboards/limits.ts'
import { decideStarts, TopicReader, type TopicReaderOptions } from '../../src/dashboards/topic-reader.ts'
import { TestClock } from '../broker/fixture.ts'

function batch(baseOffset: number, count: number): Uint8Array {
  const builder = new BatchBuilder()
  for (let n = 0; n < count; n++) builder.append({ key: null, value: new Uint8Array([n]), timestamp: 0 })
  const built = builder.build()
  writeBaseOffset(built, 0, baseOffset, 0)
  return built
}

function topicInfo(ends: readonly number[], id = 'id'): TopicInfo {
  const partitions = ends.map((end, partition) => ({
    partition,
    startOffset: asOffset(0),
    endOffset: asOffset(end),
  }))
  return { name: 'events', id, partitions } as unknown as TopicInfo
}

type Answer = { batches: Uint8Array; end: number } | BrokerError

/** A reader over answers given one after the other; what it said, in words. */
async function follow(
  answers: Answer[],
  more: Partial<TopicReaderOptions> = {},
  current = () => topicInfo([6]),
) {
  const clock = new TestClock()
  const said: string[] = []
  const asked: number[] = []
  const reader = new TopicReader(
    {
      broker: {
        topic: () => current(),
        fetch({ from }) {
          asked.push(from)
          const answer = answers.shift()
          if (answer === undefined) return new Promise(() => undefined)
          if (answer instanceof BrokerError) return Promise.reject(answer)
          return Promise.resolve({
            batches: answer.batches,
            startOffset: asOffset(0),
            endOffset: asOffset(answer.end),
          })
        },
      },
      ...{ clock, logger: silentLogger, limits: defaultLiveLimits, topic: topicInfo([6]), starts: [0] },
      ...{ pauseMs: 10, behindMax: 1_000, whenBehind: 'lose' as const, ...more },
    },
    {
      read: (_, records) => {
        for (const { offset } of records) said.push(`${offset}`)
      },
      skipped: (_, count) => said.push(`skipped ${count}`),
      moved: () => undefined,
      caughtUp: () => said.push(`caught up at ${reader.seq}`),
      failed: ({ code }) => said.push(`failed: ${code}`),
      lost: () => said.push('lost'),
    },
  )
  reader.start()
  for (let turn = 0; turn < 20; turn++) {
    await new Promise<void>((resolve) => setImmediate(resolve))
    clock.advance(1_000)
  }
  return { said, asked, seq: reader.seq }
}

const joined = (...batches: Uint8Array[]) => Buffer.concat(batches) as Uint8Array

describe('a topic reader', () => {
  test('reads from where it starts to the end, and says once when the past is read', async () => {
    const { said, asked } = await follow([
      { batches: batch(0, 4), end: 7 },
      { batches: batch(4, 3), end: 7 },
      { batches: batch(7, 1), end: 8 },
    ])
    expect(said).toEqual(['0', '1', '2', '3', '4', '5', '6', 'caught up at 7', '7'])
    expect(asked).toEqual([0, 4, 7, 8])
  })

  test('starts inside a batch without what lies before', async () => {
    const { said } = await follow([{ batches: batch(0, 6), end: 6 }], { starts: [4] })
    expect(said).toEqual(['4', '5', 'caught up at 6'])
  })

  test('gives the records before damage once, says so, and goes on where the damage is', async () => {
    const damaged = batch(2, 2)
    damaged[damaged.length - 1]! ^= 0xff
    const { said, asked } = await follow([
      { batches: joined(batch(0, 2), damaged), end: 6 },
      { batches: joined(batch(2, 2), batch(4, 2)), end: 6 },
    ])
    expect(said).toEqual(['0', '1', 'failed: corrupt', '2', '3', '4', '5', 'caught up at 6'])
    expect(asked).toEqual([0, 2, 6])
  })

  test('tries again when the broker is busy, and ends for good when it is closed', async () => {
    const busy = await follow([new BrokerError('busy', 'later'), { batches: batch(0, 6), end: 6 }])
    expect(busy.said).toEqual(['failed: busy', '0', '1', '2', '3', '4', '5', 'caught up at 6'])
    const closed = await follow([new BrokerError('closed', 'stopping'), { batches: batch(0, 6), end: 6 }])
    expect(closed.said).toEqual([])
    expect(closed.asked).toEqual([0])
  })

  test('is lost when its records were deleted, the topic is gone, or another has its name', async () => {
    for (const code of ['offset_out_of_range', 'not_found'] as const) {
      expect((await follow([new BrokerError(code, 'gone')])).said).toEqual(['lost'])
    }
    let id = 'id'
    const again = await follow(
      [
        { batches: batch(0, 2), end: 6 },
        { batches: batch(2, 4), end: 6 },
      ],
      {},
      () => {
        const info = topicInfo([6], id)
        id = 'another'
        return info
      },
    )
    expect(again.said).toEqual(['0', '1', 'lost'])
  })

  test('passes offsets that hold no record', async () => {
    // Between the two batches, compaction has left a hole.
    const { said, seq } = await follow([{ batches: joined(batch(0, 2), batch(4, 2)), end: 6 }])
    expect(said).toEqual(['0', '1', '4', '5', 'caught up at 6'])
    expect(seq).toBe(6)
  })

  test('too far behind, it skips what nobody can read, or gives up, as it was told', async () => {
    const skip = await follow(
      [
        { batches: batch(0, 6), end: 106 },
        { batches: batch(96, 10), end: 106 },
      ],
      { behindMax: 10, whenBehind: 'skip' },
    )
    expect(skip.said.slice(6, 9)).toEqual(['skipped 90', 'caught up at 96', '96'])
    const lose = await follow(
      [
        { batches: batch(0, 6), end: 6 },
        { batches: batch(6, 1), end: 106 },
      ],
      { behindMax: 10 },
    )
    expect(lose.said.slice(6)).toEqual(['caught up at 6', '6', 'lost'])
  })
})

test('the newest records of a topic are shared out among its partitions', () => {
  expect(decideStarts(topicInfo([100, 10]), 50)).toEqual([75, 0])
  expect(decideStarts(topicInfo([100, 100, 100]), 2)).toEqual([99, 99, 99])
  expect(decideStarts(topicInfo([]), 50)).toEqual([])
})
