// The settings of a topic: defaults, and what a change must look like.
import { BrokerError } from '#base'
import type { Compression } from '#record'
import type { TopicConfig } from './api.ts'
import { didYouMean } from './suggestion.ts'

export const defaultConfig: TopicConfig = {
  retentionMs: 7 * 24 * 60 * 60 * 1000,
  retentionBytes: null,
  compression: 'none',
}

/** Internal tables are rewritten, never aged. */
export const keptForEver: TopicConfig = { retentionMs: null, retentionBytes: null, compression: 'none' }

const compressions: readonly Compression[] = ['none', 'gzip', 'zstd']
const keys = Object.keys(defaultConfig)

/** `base` with the given settings changed; throws `invalid_request` that names the setting. Undefined changes nothing. */
export function changedConfig(base: TopicConfig, change: Partial<TopicConfig>): TopicConfig {
  for (const key of Object.keys(change)) {
    if (keys.includes(key)) continue
    throw new BrokerError('invalid_request', `"${key}" is not a setting of a topic${didYouMean(key, keys)}`, {
      fix: `settings are ${keys.join(', ')}`,
    })
  }
  const { retentionMs = base.retentionMs, retentionBytes = base.retentionBytes } = change
  const { compression = base.compression } = change
  checkLimit(
    'retentionMs',
    retentionMs,
    'a whole number of milliseconds, 1 or more, or null to keep for ever',
  )
  checkLimit('retentionBytes', retentionBytes, 'a whole number of bytes, 1 or more, or null for no limit')
  if (!compressions.includes(compression)) {
    throw new BrokerError('invalid_request', `compression ${JSON.stringify(compression)} is not known`, {
      fix: `use one of ${compressions.join(', ')}`,
    })
  }
  return { retentionMs, retentionBytes, compression }
}

function checkLimit(name: string, value: number | null, form: string): void {
  if (value === null || (Number.isSafeInteger(value) && value >= 1)) return
  throw new BrokerError(
    'invalid_request',
    `${name} cannot be ${typeof value === 'number' ? value : JSON.stringify(value)}`,
    {
      fix: `give ${form}`,
    },
  )
}
