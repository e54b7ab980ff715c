import { describe, expect, test } from 'bun:test'
import { defaultConfig } from '#broker'
import { changedConfig } from '../../src/broker/config.ts'
import { failure } from './fixture.ts'

describe('topic settings', () => {
  test('seven days, no size limit and no compression are the default', () => {
    expect(defaultConfig).toEqual({
      cleanupPolicy: 'delete',
      deleteRetentionMs: 86_400_000,
      minCleanableDirtyRatio: 0.5,
      retentionMs: 604_800_000,
      retentionBytes: null,
      compression: 'none',
      durability: 'fsync',
    })
  })

  test('a change touches only what it names', () => {
    const changed = changedConfig(defaultConfig, { retentionBytes: 1000 })
    expect(changed).toEqual({ ...defaultConfig, retentionBytes: 1000 })
    expect(changedConfig(changed, { retentionMs: null, compression: 'zstd' })).toEqual({
      ...defaultConfig,
      retentionMs: null,
      retentionBytes: 1000,
      compression: 'zstd',
      durability: 'fsync',
    })
  })

  test('a policy is understood in either order, as users of Kafka write it', () => {
    const changed = changedConfig(defaultConfig, { cleanupPolicy: 'delete, compact' as never })
    expect(changed.cleanupPolicy).toBe('compact,delete')
  })

  test.each([
    [{ retentionMs: 0 }, 'retentionMs cannot be 0'],
    [{ retentionMs: -1 }, 'retentionMs cannot be -1'],
    [{ retentionMs: 1.5 }, 'retentionMs cannot be 1.5'],
    [{ retentionMs: Number.NaN }, 'retentionMs cannot be NaN'],
    [{ retentionBytes: '5' }, 'retentionBytes cannot be "5"'],
    [{ compression: 'lz4' }, 'compression "lz4" is not known'],
    [{ cleanupPolicy: 'compacted' }, 'cleanupPolicy "compacted" is not known'],
    [{ deleteRetentionMs: -1 }, 'deleteRetentionMs cannot be -1'],
    [{ minCleanableDirtyRatio: 1.5 }, 'minCleanableDirtyRatio cannot be 1.5'],
    [{ retentionMS: 5 }, '"retentionMS" is not a setting of a topic; did you mean "retentionMs"?'],
    [{ constructor: 5 }, '"constructor" is not a setting of a topic'],
  ])('%p is refused', async (change, message) => {
    const refused = await failure(() => changedConfig(defaultConfig, change as object))
    expect(refused.code).toBe('invalid_request')
    expect(refused.message).toContain(message)
    expect(refused.fix).toBeString()
  })
})
