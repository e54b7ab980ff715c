// Names of topics and groups: Kafka's rules less what some computers cannot store, and which names are pspf's own.
import { BrokerError } from '#base'

/** Definitions of topics; its own id is fixed, since nothing else could say where it is. */
export const topicsTopic = '_pspf.topics'
/** Positions of groups, in Kafka's own layout. */
export const offsetsTopic = '__consumer_offsets'
/** Facts the broker keeps about its work: owners' epochs, how far the retention clock has come. */
export const factsTopic = '_pspf.broker'

/** Written by the broker alone, whoever asks. */
const brokersOwn: ReadonlySet<string> = new Set([
  topicsTopic,
  offsetsTopic,
  factsTopic,
  '__transaction_state',
])

const topicNameLengthMax = 249
/** Also with an extension: `nul.txt` means `nul`. */
const windowsDevice = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|$)/i
const groupIdLengthMax = 255

/** Names that only parts of pspf may create, delete or produce to. Everybody may read them. */
export function isReserved(name: string): boolean {
  return brokersOwn.has(name) || name.startsWith('_pspf.')
}

export function isBrokersOwn(name: string): boolean {
  return brokersOwn.has(name)
}

/** Throws `invalid_request` unless `name` is a topic name that Kafka accepts and any computer can store. */
export function checkTopicName(name: string): void {
  const why = topicNameProblem(name)
  if (why === undefined) return
  const shown = name.length > 60 ? `${name.slice(0, 57)}...` : name
  throw new BrokerError('invalid_request', `${JSON.stringify(shown)} is not a topic name: ${why}`, {
    fix: `use 1 to ${topicNameLengthMax} letters, digits, dots, underscores or dashes, for example "orders.eu"`,
  })
}

function topicNameProblem(name: string): string | undefined {
  if (name.length === 0) return 'it is empty'
  if (name.length > topicNameLengthMax)
    return `it has ${name.length} characters, ${topicNameLengthMax} is the limit`
  if (name === '.' || name === '..') return 'it means a directory'
  const device = windowsDevice.exec(name)?.[1]
  if (device !== undefined) return `Windows keeps "${device}" for a device, and a topic must fit any computer`
  const wrong = /[^a-zA-Z0-9._-]/u.exec(name)
  return wrong ? `the character ${JSON.stringify(wrong[0])} is not allowed` : undefined
}

/** Throws `invalid_request` unless `id` can name a consumer group (or an owner inside one). */
export function checkGroupId(id: string, what = 'group id'): void {
  if (id.length > 0 && id.length <= groupIdLengthMax && !hasControlCharacter(id)) return
  throw new BrokerError('invalid_request', `${JSON.stringify(id.slice(0, 60))} is not a ${what}`, {
    fix: `use 1 to ${groupIdLengthMax} characters without control characters`,
  })
}

function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}

/** Rows on their way from one part of an app to the next: what its group has read, nobody needs any more. */
export function isConsumedOnce(name: string): boolean {
  return name.endsWith('.repartition')
}
