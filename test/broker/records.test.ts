import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { asMillis, asOffset } from '#base'
import { decodeFact, encodeFactKey, encodeFactValue, type Fact } from '../../src/broker/fact-record.ts'
import {
  decodeOffsetKey,
  decodeOffsetValue,
  encodeOffsetKey,
  encodeOffsetValue,
} from '../../src/broker/offset-record.ts'
import {
  decodeTopicKey,
  decodeTopicValue,
  encodeTopicKey,
  encodeTopicValue,
} from '../../src/broker/topic-record.ts'
import { bytes, failure } from './fixture.ts'

const hexOf = (data: Uint8Array) => data.toHex()
const plain = (data: Uint8Array) => Uint8Array.from(data)

describe('positions of groups', () => {
  test('a key has the bytes of Kafka', () => {
    const key = encodeOffsetKey({ group: 'g1', topic: 'orders', partition: 3 })
    expect(hexOf(key)).toBe('0001' + '00026731' + '00066f7264657273' + '00000003')
  })

  test('a value has the bytes of Kafka', () => {
    const value = encodeOffsetValue({
      offset: asOffset(258),
      leaderEpoch: -1,
      metadata: 'm',
      committedAt: asMillis(1),
    })
    expect(hexOf(value)).toBe('0003' + '0000000000000102' + 'ffffffff' + '00016d' + '0000000000000001')
  })

  test('what is written is read', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 })
    fc.assert(
      fc.property(text, text, fc.nat(), fc.maxSafeNat(), (group, topic, partition, offset) => {
        const key = { group, topic, partition }
        const value = {
          offset: asOffset(offset),
          leaderEpoch: 4,
          metadata: topic,
          committedAt: asMillis(offset),
        }
        expect(decodeOffsetKey(plain(encodeOffsetKey(key)))).toEqual(key)
        expect(decodeOffsetValue(plain(encodeOffsetValue(value)))).toEqual(value)
      }),
    )
  })

  test('keys of group membership are skipped', () => {
    expect(decodeOffsetKey(Uint8Array.from([0, 2, 0, 1, 65]))).toBeNull()
  })

  test('an unknown version and bytes cut short are refused with a remedy', async () => {
    const key = encodeOffsetKey({ group: 'g', topic: 't', partition: 0 })
    for (const damaged of [
      Uint8Array.from([0, 9]),
      key.subarray(0, 5),
      key.subarray(0, 11),
      new Uint8Array(0),
    ]) {
      const { code, fix } = await failure(() => decodeOffsetKey(damaged))
      expect(code).toBe('corrupt')
      expect(fix).toContain('backup')
    }
    expect((await failure(() => decodeOffsetValue(Uint8Array.from([0, 4, 0])))).message).toContain(
      'version 4',
    )
  })
})

describe('definitions of topics', () => {
  const definition = {
    name: 'orders',
    id: '00112233445566778899aabbccddeeff',
    partitions: 3,
    internal: false,
    createdAt: asMillis(5),
    config: {
      cleanupPolicy: 'compact' as const,
      deleteRetentionMs: 7,
      minCleanableDirtyRatio: 0.3,
      retentionMs: null,
      retentionBytes: 9,
      compression: 'zstd' as const,
      durability: 'fsync' as const,
    },
  }

  test('what is written is read', () => {
    const value = encodeTopicValue(definition)
    expect(decodeTopicKey(encodeTopicKey('orders'))).toBe('orders')
    expect(decodeTopicValue('orders', value)).toEqual(definition)
  })

  test.each([
    ['not JSON', '{'],
    ['no object', 'null'],
    ['a newer version', '{"version":2}'],
    ['a missing id', '{"version":1,"partitions":1,"internal":false,"createdAt":1,"config":{}}'],
  ])('%s is refused, naming the topic and a remedy', async (_, value) => {
    const { code, message, fix } = await failure(() => decodeTopicValue('orders', bytes(value)))
    expect(code).toBe('corrupt')
    expect(message).toContain('"orders"')
    expect(fix).toContain('backup')
  })
})

describe('facts of the broker', () => {
  const facts: Fact[] = [
    { kind: 'owner', group: 'a"],[', owner: '0_1', epoch: 7 },
    { kind: 'retentionClock', at: asMillis(99) },
  ]

  test('what is written is read', () => {
    for (const fact of facts) expect(decodeFact(encodeFactKey(fact), encodeFactValue(fact))).toEqual(fact)
  })

  test.each([
    ['["owner","g","o"]', '{"version":2,"epoch":1}'],
    ['["owner","g"]', '{"version":1,"epoch":1}'],
    ['["owner","g","o"]', '{"version":1,"epoch":-1}'],
    ['["other"]', '{"version":1}'],
    ['no', '{}'],
    ['["owner","g","o"]', 'null'],
  ])('%p with %p is refused', async (key, value) => {
    expect((await failure(() => decodeFact(bytes(key), bytes(value)))).code).toBe('corrupt')
  })
})
