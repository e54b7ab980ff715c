// `--set name=value` of topics: what users write, and what the API takes.
import { BrokerError, parseDuration, parseSize } from '#base'
import { nearest } from '../nearest.ts'
import { UsageError } from '../usage-error.ts'

type Setting = {
  readonly key: string
  /** In Kafka. */
  readonly alias: string
  readonly help: string
  read(text: string): unknown
}

const unlimited = (text: string) => text === 'forever' || text === 'unlimited'

/** Our short names, those of Kafka's topics and the API's own are understood. */
const settings: Readonly<Record<string, Setting>> = {
  retention: {
    key: 'retentionMs',
    alias: 'retention.ms',
    help: 'retention=7d or forever',
    read: (text) => (unlimited(text) ? null : readSpan(text)),
  },
  'retention-bytes': {
    key: 'retentionBytes',
    alias: 'retention.bytes',
    help: 'retention-bytes=10GB or unlimited',
    read: (text) => (unlimited(text) ? null : parseSize(text)),
  },
  compression: {
    key: 'compression',
    alias: 'compression.type',
    help: 'compression=none, gzip or zstd',
    read: (text) => text,
  },
  durability: {
    key: 'durability',
    alias: 'durability',
    help: "durability=fsync, os or 'interval(100ms)'",
    read: (text) => text,
  },
  'cleanup-policy': {
    key: 'cleanupPolicy',
    alias: 'cleanup.policy',
    help: 'cleanup-policy=delete, compact or compact,delete',
    read: readPolicy,
  },
  'delete-retention': {
    key: 'deleteRetentionMs',
    alias: 'delete.retention.ms',
    help: 'delete-retention=1d, how long a compacted topic keeps tombstones',
    read: readSpan,
  },
  'min-cleanable-dirty-ratio': {
    key: 'minCleanableDirtyRatio',
    alias: 'min.cleanable.dirty.ratio',
    help: 'min-cleanable-dirty-ratio=0.5, the new share that starts a compaction',
    read: readRatio,
  },
}

/** Kafka writes milliseconds without a unit. */
function readSpan(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : parseDuration(text)
}

function readPolicy(text: string): string {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.every((part) => part === 'delete' || part === 'compact'))
    return parts.includes('compact') && parts.includes('delete') ? 'compact,delete' : parts[0]!
  throw new BrokerError('invalid_request', `"${text}" is not a cleanup policy`)
}

function readRatio(text: string): number {
  const ratio = Number(text)
  if (text.trim() !== '' && ratio >= 0 && ratio <= 1) return ratio
  throw new BrokerError('invalid_request', `"${text}" is not a number from 0 to 1`)
}

export const settingHelp = Object.values(settings)
  .map(({ help }) => help)
  .join('; ')

export const settingNames = Object.keys(settings)

/** `['retention=7d', 'compression=zstd'] -> { retentionMs: 604800000, compression: 'zstd' }`. Throws `UsageError`. */
export function readTopicSettings(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(readSetting))
}

function readSetting(pair: string): [string, unknown] {
  const equals = pair.indexOf('=')
  if (equals < 1)
    throw new UsageError(
      `--set ${pair}: it must be name=value`,
      `for example --set ${settingHelp.split(' ')[0]}`,
    )
  const name = pair.slice(0, equals)
  const value = pair.slice(equals + 1)
  const setting =
    settings[name] ?? Object.values(settings).find(({ key, alias }) => key === name || alias === name)
  if (!setting) {
    const meant = nearest(name, settingNames)
    throw new UsageError(`--set: unknown setting "${name}"`, meant ? `did you mean ${meant}` : settingHelp)
  }
  try {
    return [setting.key, setting.read(value)]
  } catch (thrown) {
    if (!(thrown instanceof BrokerError)) throw thrown
    throw new UsageError(`--set ${name}: ${thrown.message}`, setting.help)
  }
}
