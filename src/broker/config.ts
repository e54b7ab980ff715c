// The settings of a topic: defaults, and what a change must look like.
import { BrokerError } from '#base'
import type { Compression } from '#record'
import type { CleanupPolicy, TopicConfig, TopicConfigChange } from './api.ts'
import { readDurability } from './durability.ts'
import { didYouMean } from './suggestion.ts'

export const defaultConfig: TopicConfig = {
  cleanupPolicy: 'delete',
  deleteRetentionMs: 24 * 60 * 60 * 1000,
  minCleanableDirtyRatio: 0.5,
  retentionMs: 7 * 24 * 60 * 60 * 1000,
  retentionBytes: null,
  compression: 'none',
  durability: 'fsync',
}

/** Internal tables keep the newest record of each key, and never age. */
export const keptForEver: TopicConfig = {
  ...defaultConfig,
  cleanupPolicy: 'compact',
  retentionMs: null,
  retentionBytes: null,
}

/** Whether `retentionMs` and `retentionBytes` count. */
export function forgetsByAge({ cleanupPolicy }: Pick<TopicConfig, 'cleanupPolicy'>): boolean {
  return cleanupPolicy !== 'compact'
}

export function isCompacted({ cleanupPolicy }: Pick<TopicConfig, 'cleanupPolicy'>): boolean {
  return cleanupPolicy !== 'delete'
}

/** Order and spaces are Kafka's users' habit. */
const policies: Readonly<Record<string, CleanupPolicy>> = {
  delete: 'delete',
  compact: 'compact',
  'compact,delete': 'compact,delete',
  'delete,compact': 'compact,delete',
}

const compressions: readonly Compression[] = ['none', 'gzip', 'zstd']
const keys = Object.keys(defaultConfig)

/** `base` with the given settings changed; throws `invalid_request` that names the setting. Undefined changes nothing. */
export function changedConfig(base: TopicConfig, change: TopicConfigChange): TopicConfig {
  for (const key of Object.keys(change)) {
    if (keys.includes(key)) continue
    throw new BrokerError('invalid_request', `"${key}" is not a setting of a topic${didYouMean(key, keys)}`, {
      fix: `settings are ${keys.join(', ')}`,
    })
  }
  const { retentionMs = base.retentionMs, retentionBytes = base.retentionBytes } = change
  const { compression = base.compression, deleteRetentionMs = base.deleteRetentionMs } = change
  const { minCleanableDirtyRatio = base.minCleanableDirtyRatio } = change
  const cleanupPolicy = policyOf(change.cleanupPolicy ?? base.cleanupPolicy)
  checkLimit(
    'retentionMs',
    retentionMs,
    'a whole number of milliseconds, 1 or more, or null to keep for ever',
  )
  checkLimit('retentionBytes', retentionBytes, 'a whole number of bytes, 1 or more, or null for no limit')
  if (!Number.isSafeInteger(deleteRetentionMs) || deleteRetentionMs < 0)
    throw refused('deleteRetentionMs', deleteRetentionMs, 'a whole number of milliseconds, 0 or more')
  if (!(minCleanableDirtyRatio >= 0 && minCleanableDirtyRatio <= 1))
    throw refused('minCleanableDirtyRatio', minCleanableDirtyRatio, 'a number from 0 to 1')
  if (!compressions.includes(compression)) {
    throw new BrokerError('invalid_request', `compression ${JSON.stringify(compression)} is not known`, {
      fix: `use one of ${compressions.join(', ')}`,
    })
  }
  return {
    cleanupPolicy,
    deleteRetentionMs,
    minCleanableDirtyRatio,
    retentionMs,
    retentionBytes,
    compression,
    durability: readDurability(change.durability ?? base.durability),
  }
}

function policyOf(text: string): CleanupPolicy {
  const policy = typeof text === 'string' ? policies[text.replaceAll(' ', '')] : undefined
  if (policy !== undefined) return policy
  throw new BrokerError('invalid_request', `cleanupPolicy ${JSON.stringify(text)} is not known`, {
    fix: 'use delete, compact or compact,delete',
  })
}

function checkLimit(name: string, value: number | null, form: string): void {
  if (value === null || (Number.isSafeInteger(value) && value >= 1)) return
  throw refused(name, value, form)
}

function refused(name: string, value: unknown, form: string): BrokerError {
  const shown = typeof value === 'number' ? value : JSON.stringify(value)
  return new BrokerError('invalid_request', `${name} cannot be ${shown}`, { fix: `give ${form}` })
}
