// Topics: list, create, describe, change, delete.
import { BrokerError } from '#base'
import type { TopicInfo } from '#broker'
import { topicSummary } from '#dashboards'
import { created, json, noContent } from '../answer.ts'
import type { TopicDetail } from '../contract.ts'
import { alterTopic, createTopic, many, one } from '../models.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'
import { exactly, t } from '../shape.ts'

const tag = 'topics'

export function topicRoutes({ broker, facts }: Services): Route[] {
  const summary = (topic: TopicInfo) => topicSummary(topic, facts.rates(topic.name))

  const detail = (topic: TopicInfo): TopicDetail => ({
    ...summary(topic),
    partitionList: topic.partitions.map((partition) => ({ ...partition })),
    readers: readersOf(topic.name),
  })

  const readersOf = (name: string): TopicDetail['readers'] =>
    broker.groups().flatMap(({ id, offsets }) => {
      const lags = offsets.filter(({ topic }) => topic === name).map(({ lag }) => lag)
      return lags.length === 0 ? [] : [{ group: id, lag: lags.reduce((sum, lag) => sum + lag, 0) }]
    })

  return [
    route(
      {
        method: 'GET',
        path: '/api/v1/topics',
        access: 'read',
        tag,
        operation: 'listTopics',
        summary: 'List topics',
        query: exactly({
          internal: t.Optional(t.Boolean({ description: 'also those that pspf keeps for itself' })),
        }),
        answers: { 200: many('TopicSummary', 'by name') },
      },
      ({ query }) => {
        const shown = broker.topics().filter((topic) => query.internal || !topic.internal)
        return json(shown.map(summary).sort((a, b) => (a.name < b.name ? -1 : 1)))
      },
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/topics',
        access: 'write',
        tag,
        operation: 'createTopic',
        summary: 'Create a topic',
        body: createTopic,
        answers: { 201: one('TopicDetail', 'it exists from now on') },
      },
      async ({ request, body }) => {
        const topic = await broker.createTopic(body)
        return created(detail(topic), request, topic.name)
      },
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/topics/:topic',
        access: 'read',
        tag,
        operation: 'describeTopic',
        summary: 'Describe a topic',
        answers: { 200: one('TopicDetail', 'its settings, partitions and readers') },
      },
      ({ params }) => json(detail(broker.topic(params['topic']!))),
    ),
    route(
      {
        method: 'PATCH',
        path: '/api/v1/topics/:topic',
        access: 'write',
        tag,
        operation: 'alterTopic',
        summary: 'Change settings of a topic',
        body: alterTopic,
        answers: { 200: one('TopicDetail', 'as it is now') },
      },
      async ({ params, body }) => {
        if (Object.keys(body.config).length === 0) {
          throw new BrokerError('invalid_request', '"config" changes nothing', {
            fix: 'name a setting, for example {"config": {"retentionMs": 86400000}}',
          })
        }
        return json(detail(await broker.alterTopic(params['topic']!, body.config)))
      },
    ),
    route(
      {
        method: 'DELETE',
        path: '/api/v1/topics/:topic',
        access: 'write',
        tag,
        operation: 'deleteTopic',
        summary: 'Delete a topic and everything in it',
        answers: { 204: { description: 'it is gone' } },
      },
      async ({ params }) => {
        await broker.deleteTopic(params['topic']!)
        return noContent()
      },
    ),
  ]
}
