// The log port over a broker in this process.
import { BrokerError } from '#base'
import type { Broker, TopicInfo, TopicSpec } from '#broker'
import type { LogPort } from '../api.ts'

/** `signal` ends the fetches that wait, when whoever asked is gone. */
export function brokerPort(broker: Broker, signal?: AbortSignal): LogPort {
  return {
    async ensureTopics(specs) {
      const topics: TopicInfo[] = []
      for (const spec of specs) topics.push(await ensureTopic(broker, spec))
      return topics
    },
    async findTopics(names) {
      return broker.topics().filter(({ name }) => names.includes(name))
    },
    fetchSlice: (request) => broker.fetchSlice(signal === undefined ? request : { ...request, signal }),
    committed: async (group, topic, partition) => broker.committed(group, topic, partition),
    fence: (group, owner) => broker.fence(group, owner),
    commit: (commit) => broker.commit(commit),
  }
}

/** An existing topic stays as it is: its settings are its owner's, not the app's. */
async function ensureTopic(broker: Broker, spec: TopicSpec): Promise<TopicInfo> {
  try {
    return await upToDate(broker, broker.topic(spec.name), spec)
  } catch (error) {
    if (!isCode(error, 'not_found')) throw error
  }
  try {
    return await broker.createTopic(spec, { internal: isInternal(spec) })
  } catch (error) {
    // Another app was quicker.
    if (isCode(error, 'already_exists')) return broker.topic(spec.name)
    throw error
  }
}

/** A changelog of a version that did not compact yet. */
async function upToDate(broker: Broker, topic: TopicInfo, { config = {} }: TopicSpec): Promise<TopicInfo> {
  const { cleanupPolicy = topic.config.cleanupPolicy } = config
  if (!topic.internal || cleanupPolicy === topic.config.cleanupPolicy) return topic
  return await broker.alterTopic(topic.name, { cleanupPolicy }, { internal: true })
}

const isCode = (error: unknown, code: string) => error instanceof BrokerError && error.code === code

/** Topics that belong to the app's own machinery: everybody may read them, only its commits write them. */
const machinery = /\.(changelog|repartition|layout)$|^_pspf\.widgets\./
const isInternal = ({ name }: TopicSpec) => machinery.test(name)
