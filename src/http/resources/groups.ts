// Consumer groups: where each stands, and moving it with a preview.
import { asOffset, BrokerError } from '#base'
import type { Broker, GroupInfo } from '#broker'
import { json, noContent } from '../answer.ts'
import type { GroupSummary, ResetAnswer, ResetOffsets } from '../contract.ts'
import { many, one, resetOffsets } from '../models.ts'
import { choosePartition, type Position, parsePosition, resolvePosition } from '../position.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'

const tag = 'groups'

export function groupRoutes({ broker }: Services): Route[] {
  return [
    route(
      {
        method: 'GET',
        path: '/api/v1/groups',
        access: 'read',
        tag,
        operation: 'listGroups',
        summary: 'List consumer groups',
        answers: { 200: many('Group', 'with their positions and lag') },
      },
      () => json(broker.groups().map(summarise)),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/groups/:group',
        access: 'read',
        tag,
        operation: 'describeGroup',
        summary: 'Describe a consumer group',
        answers: { 200: one('Group', 'its positions and lag') },
      },
      ({ params }) => json(summarise(broker.group(params['group']!))),
    ),
    route(
      {
        method: 'DELETE',
        path: '/api/v1/groups/:group',
        access: 'write',
        tag,
        operation: 'deleteGroup',
        summary: 'Forget a group and its positions',
        answers: { 204: { description: 'it is gone' } },
      },
      async ({ params }) => {
        await broker.deleteGroup(params['group']!)
        return noContent()
      },
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/groups/:group/offsets',
        access: 'write',
        tag,
        operation: 'resetGroup',
        summary: 'Move a group',
        description:
          'Moves everything the group reads to one place, or each partition by hand. Try dryRun first.',
        body: resetOffsets,
        answers: { 200: one('ResetAnswer', 'what changed, or would change') },
      },
      async ({ params, body }) => json(await reset(broker, broker.group(params['group']!), body)),
    ),
  ]
}

function summarise({ id, offsets }: GroupInfo): GroupSummary {
  return {
    id,
    lag: offsets.reduce((sum, { lag }) => sum + lag, 0),
    offsets: offsets.map(({ topic, partition, offset, endOffset, lag }) => ({
      topic,
      partition,
      offset,
      endOffset,
      lag,
    })),
  }
}

type Target = { readonly topic: string; readonly partition: number; readonly position: Position }

async function reset(broker: Broker, group: GroupInfo, body: ResetOffsets): Promise<ResetAnswer> {
  const changes: ResetAnswer['changes'] = []
  for (const { topic, partition, position } of decideTargets(group, body)) {
    const info = choosePartition(broker.topic(topic), partition)
    const to = await resolvePosition(broker, topic, info, position)
    const known = group.offsets.find((one) => one.topic === topic && one.partition === partition)
    const from = known?.offset ?? info.startOffset
    const skipped = Math.max(0, to - from)
    changes.push({ topic, partition, from, to, skipped, replayed: Math.max(0, from - to) })
  }
  if (!body.dryRun) {
    await broker.resetGroup(
      group.id,
      changes.map(({ topic, partition, to }) => ({ topic, partition, offset: asOffset(to) })),
    )
  }
  return { group: group.id, dryRun: body.dryRun ?? false, changes }
}

/** Which partitions move, and where to. */
function decideTargets(group: GroupInfo, body: ResetOffsets): Target[] {
  const { to, topic, partition, offsets } = body
  if ((to === undefined) === (offsets === undefined)) {
    throw new BrokerError('invalid_request', 'give either "to" or "offsets"', {
      fix: 'for example {"to": "earliest", "dryRun": true}',
    })
  }
  if (offsets !== undefined) {
    if (topic !== undefined || partition !== undefined) {
      throw new BrokerError('invalid_request', '"topic" and "partition" narrow "to", not "offsets"', {
        fix: 'leave them out: each of the offsets names its own',
      })
    }
    checkOnce(offsets)
    return offsets.map((one) => ({ ...one, position: { kind: 'offset', offset: asOffset(one.offset) } }))
  }
  const position = parsePosition(to!, 'to')
  const chosen = group.offsets.filter(
    (one) => (topic ?? one.topic) === one.topic && (partition ?? one.partition) === one.partition,
  )
  if (chosen.length > 0) return chosen.map((one) => ({ ...one, position }))
  throw new BrokerError('not_found', `group "${group.id}" reads nothing of that topic and partition`, {
    fix: `it reads ${[...new Set(group.offsets.map((one) => one.topic))].join(', ') || 'nothing yet'}`,
  })
}

function checkOnce(offsets: readonly { topic: string; partition: number }[]): void {
  const seen = new Set<string>()
  for (const { topic, partition } of offsets) {
    const name = `${topic}/${partition}`
    if (seen.has(name)) {
      throw new BrokerError('invalid_request', `partition ${partition} of topic "${topic}" is named twice`)
    }
    seen.add(name)
  }
}
