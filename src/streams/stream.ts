// Streams as users see them.
import type { TopicHandle } from './topic.ts'

export interface Stream<V> {
  /** Adds a sink to that topic, once however often it is asked, and answers the topic. */
  materialise(topicName: string): TopicHandle<V>
  streams(): Iterable<Stream<unknown>>
}
