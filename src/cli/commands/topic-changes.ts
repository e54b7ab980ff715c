// Commands that change or destroy a topic: each can say first what it would do.
import { formatSize } from '#base'
import type { TopicDetail } from '../answers.ts'
import type { Call } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import { countText } from '../output/text-forms.ts'
import { topicPath } from '../routes.ts'
import { UsageError } from '../usage-error.ts'
import { offsetAt, parsePlace } from './place.ts'
import { readTopicSettings, settingHelp } from './topic-settings.ts'

export async function alter({ session, argument, texts, on }: Call): Promise<number> {
  const topic = argument('NAME')
  const config = readTopicSettings(texts('set'))
  if (Object.keys(config).length === 0) throw new UsageError('nothing to change', `add --set: ${settingHelp}`)
  const before: Readonly<Record<string, unknown>> = (await session.client.ask<TopicDetail>(topicPath(topic)))
    .config
  const changes = Object.entries(config).map(([setting, to]) => ({
    setting,
    from: before[setting] ?? null,
    to,
  }))
  const dryRun = on('dry-run')
  if (!dryRun) await session.client.ask(topicPath(topic), { method: 'PATCH', json: { config } })
  const text = changes.map(({ setting, from, to }) => `${setting} ${from} -> ${to}`).join(', ')
  await session.output.done(
    { topic, changes, dryRun },
    topic,
    `${dryRun ? 'would change' : 'changed'} ${topic}: ${text}`,
  )
  return exitCode.success
}

export async function truncate({ session, argument, text, number, on }: Call): Promise<number> {
  const topic = argument('NAME')
  const where = text('before')
  if (where === undefined)
    throw new UsageError('--before is missing', 'say up to where: an offset, an ISO time, or latest')
  const place = parsePlace(where, '--before')
  const detail = await session.client.ask<TopicDetail>(topicPath(topic))
  const wanted = number('partition')
  const chosen = detail.partitionList.filter(({ partition }) => wanted === undefined || partition === wanted)
  if (chosen.length === 0)
    throw new UsageError(
      `${topic} has no partition ${wanted}`,
      `it has ${countText(detail.partitions, 'partition')}, from 0`,
    )
  session.confirm(`truncating ${topic} deletes its records before ${where}`, topic)
  const dryRun = on('dry-run')
  const partitions: { partition: number; startOffset: number; before: number }[] = []
  for (const { partition, startOffset, endOffset } of chosen) {
    const before = await offsetAt(session.client, { topic, partition, startOffset, endOffset }, place)
    partitions.push({ partition, startOffset, before })
  }
  // Every partition is judged before the first one loses anything.
  for (const { partition, before } of dryRun ? [] : partitions) {
    const query = { partition, before }
    await session.client.ask(`${topicPath(topic)}/records`, { method: 'DELETE', query })
  }
  const ranges = partitions.map(
    (one) => `partition ${one.partition} from ${one.startOffset} to ${one.before}`,
  )
  const sentence = `${dryRun ? 'would delete' : 'deleted'} whole segments of ${topic}: ${ranges.join(', ')}`
  await session.output.done({ topic, partitions, dryRun }, topic, sentence)
  return exitCode.success
}

export async function remove({ session, argument, on }: Call): Promise<number> {
  const topic = argument('NAME')
  session.confirm(`deleting topic ${topic} deletes all its records`, topic)
  const { records, sizeBytes } = await session.client.ask<TopicDetail>(topicPath(topic))
  const dryRun = on('dry-run')
  if (!dryRun) await session.client.ask(topicPath(topic), { method: 'DELETE' })
  const size = `${countText(records, 'record')}, ${formatSize(sizeBytes)}`
  const sentence = `${dryRun ? 'would delete' : 'deleted'} topic ${topic} (${size})`
  await session.output.done({ topic, records, sizeBytes, dryRun }, topic, sentence)
  return exitCode.success
}
