// The definition of a topic as a record of `_pspf.topics`.
//
//   key    the topic's name, UTF-8
//   value  {"version":1,"id":"<32 hex>","partitions":N,"internal":false,"createdAt":MS,"config":{...}}, null when deleted
//
// Invariants:
//   1. The newest record of a key counts.
//   2. A record that names partitions is in the same append as their creation; a null, as their deletion.
//   3. Partitions 0 to N-1 exist in the log under the id.
//   4. A version that is not known comes from a newer pspf and is refused, never guessed.
import { asMillis, BrokerError, type Millis } from '#base'
import type { TopicConfig } from './api.ts'
import { changedConfig, defaultConfig } from './config.ts'

export type TopicDefinition = {
  readonly name: string
  readonly id: string
  readonly partitions: number
  readonly internal: boolean
  readonly createdAt: Millis
  readonly config: TopicConfig
}

const version = 1
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function encodeTopicKey(name: string): Uint8Array {
  return encoder.encode(name)
}

export function encodeTopicValue({ name: _, ...definition }: TopicDefinition): Uint8Array {
  return encoder.encode(JSON.stringify({ version, ...definition }))
}

export function decodeTopicKey(key: Uint8Array): string {
  return decoder.decode(key)
}

export function decodeTopicValue(name: string, value: Uint8Array): TopicDefinition {
  const fields = parse(name, value)
  const { id, partitions, internal, createdAt, config } = fields
  const sound =
    typeof id === 'string' &&
    /^[0-9a-f]{32}$/.test(id) &&
    Number.isSafeInteger(partitions) &&
    Number(partitions) > 0 &&
    typeof internal === 'boolean' &&
    Number.isSafeInteger(createdAt) &&
    typeof config === 'object' &&
    config !== null
  if (!sound) throw unreadable(name, 'a field is missing or wrong')
  return {
    name,
    id,
    partitions: Number(partitions),
    internal,
    createdAt: asMillis(Number(createdAt)),
    config: changedConfig(defaultConfig, config),
  }
}

function parse(name: string, value: Uint8Array): Record<string, unknown> {
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(decoder.decode(value)) as Record<string, unknown>
  } catch (thrown) {
    throw unreadable(name, 'it is not JSON', thrown)
  }
  if (typeof fields !== 'object' || fields === null) throw unreadable(name, 'it is not an object')
  if (fields['version'] !== version) {
    throw new BrokerError(
      'corrupt',
      `the definition of topic "${name}" has version ${fields['version']}, which is not known`,
      { fix: 'the data directory was written by a newer pspf: start that one, or restore a backup' },
    )
  }
  return fields
}

function unreadable(name: string, why: string, cause?: unknown): BrokerError {
  return new BrokerError('corrupt', `the definition of topic "${name}" cannot be read: ${why}`, {
    fix: 'restore the data directory from a backup',
    ...(cause === undefined ? {} : { cause }),
  })
}
