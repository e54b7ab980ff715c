// `pspf topic ...`
import { formatSize } from '#base'
import type { TopicDetail, TopicSummary } from '../answers.ts'
import type { Argument, Call, Command, Flag } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import type { Column, View } from '../output/output.ts'
import { countText, keptText, rateText, sizeText, timeText } from '../output/text-forms.ts'
import { topicPath } from '../routes.ts'
import { dryRun, yes } from './consent-flags.ts'
import { alter, remove, truncate } from './topic-changes.ts'
import { readTopicSettings, settingHelp, settingNames } from './topic-settings.ts'

const summary: View<TopicSummary> = {
  name: (topic) => topic.name,
  fields: ['internal', 'config', 'bytesPerSecond', 'lastAppendTime', 'createdAt'],
  columns: [
    { title: 'name', of: (topic) => topic.name },
    { title: 'partitions', of: (topic) => topic.partitions, right: true },
    {
      title: 'records',
      of: (topic) => topic.records,
      // Compaction leaves gaps, and nobody counts what is left.
      show: ({ records, config }) =>
        records > 0 && config.cleanupPolicy !== 'delete' ? `≤ ${records}` : `${records}`,
      right: true,
    },
    {
      title: 'sizeBytes',
      of: (topic) => topic.sizeBytes,
      show: (topic) => formatSize(topic.sizeBytes),
      right: true,
    },
    {
      title: 'recordsPerSecond',
      of: (topic) => topic.recordsPerSecond,
      show: (topic) => rateText(topic.recordsPerSecond),
      right: true,
    },
    {
      title: 'retention',
      of: (topic) => topic.config.retentionMs,
      show: (topic) => keptText(topic.config.retentionMs),
    },
    {
      title: 'retentionBytes',
      of: (topic) => topic.config.retentionBytes,
      show: (topic) => sizeText(topic.config.retentionBytes),
      wide: true,
    },
    { title: 'cleanupPolicy', of: (topic) => topic.config.cleanupPolicy, wide: true },
    { title: 'compression', of: (topic) => topic.config.compression, wide: true },
    { title: 'durability', of: (topic) => topic.config.durability },
    { title: 'powerCutLoses', of: (topic) => topic.powerCutLoses, wide: true },
    {
      title: 'lastAppend',
      of: (topic) => topic.lastAppendTime,
      show: (topic) => timeText(topic.lastAppendTime),
      wide: true,
    },
    {
      title: 'created',
      of: (topic) => topic.createdAt,
      show: (topic) => timeText(topic.createdAt),
      wide: true,
    },
    { title: 'id', of: (topic) => topic.id, wide: true },
  ],
}

async function create({ session, argument, number, texts }: Call): Promise<number> {
  const name = argument('NAME')
  const partitions = number('partitions') ?? 1
  const config = readTopicSettings(texts('set'))
  const topic = await session.client.ask<TopicSummary>('/api/v1/topics', {
    method: 'POST',
    json: { name, partitions, config },
  })
  await session.output.done(topic, name, `created topic ${name} (${countText(partitions, 'partition')})`)
  return exitCode.success
}

async function list({ session, on }: Call): Promise<number> {
  const query = { internal: on('all') ? 'true' : undefined }
  const topics = await session.client.ask<TopicSummary[]>('/api/v1/topics', { query })
  await session.output.list(topics, summary)
  if (topics.length === 0 && session.output.forPeople) session.note('no topics yet: pspf topic create NAME')
  return exitCode.success
}

const partitionColumns: readonly Column<TopicDetail['partitionList'][number]>[] = [
  { title: 'partition', of: (row) => row.partition, right: true },
  { title: 'start', of: (row) => row.startOffset, right: true },
  { title: 'end', of: (row) => row.endOffset, right: true },
  { title: 'size', of: (row) => formatSize(row.sizeBytes), right: true },
  { title: 'last append', of: (row) => timeText(row.lastAppendTime) },
]
const readerColumns: readonly Column<TopicDetail['readers'][number]>[] = [
  { title: 'group', of: (row) => row.group },
  { title: 'lag', of: (row) => row.lag, right: true },
]

async function describe({ session, argument }: Call): Promise<number> {
  const topic = await session.client.ask<TopicDetail>(topicPath(argument('NAME')))
  const { output } = session
  const readers = topic.readers.length > 0 ? `\n${output.table(topic.readers, readerColumns)}` : ''
  await output.one(
    topic,
    summary as View<TopicDetail>,
    `\n${output.table(topic.partitionList, partitionColumns)}${readers}`,
  )
  return exitCode.success
}

const topicArgument: Argument = { name: 'NAME', help: 'name of the topic', completes: 'topic' }
const set: Flag = {
  name: 'set',
  value: 'NAME=VALUE',
  many: true,
  help: settingHelp,
  completes: settingNames.map((name) => `${name}=`),
}

export const topicCommands: readonly Command[] = [
  {
    path: ['topic', 'create'],
    summary: 'create a topic',
    effect: 'writes',
    arguments: [{ name: 'NAME', help: 'name of the new topic' }],
    flags: [
      {
        name: 'partitions',
        short: 'p',
        value: 'N',
        number: true,
        fallback: '1',
        help: 'how many partitions',
      },
      set,
    ],
    examples: [
      'topic create orders',
      'topic create orders --partitions 3 --set retention=30d --set compression=zstd',
    ],
    run: create,
  },
  {
    path: ['topic', 'list'],
    summary: 'list topics',
    effect: 'read-only',
    flags: [{ name: 'all', short: 'a', help: 'also those that pspf keeps for itself' }],
    examples: ['topic list', 'topic list -o name', 'topic list --all -o wide'],
    run: list,
  },
  {
    path: ['topic', 'describe'],
    summary: 'show a topic, its partitions and who reads it',
    effect: 'read-only',
    arguments: [topicArgument],
    examples: ['topic describe orders', 'topic describe orders -o json'],
    run: describe,
  },
  {
    path: ['topic', 'alter'],
    summary: 'change settings of a topic',
    effect: 'writes',
    arguments: [topicArgument],
    flags: [set, dryRun],
    examples: [
      'topic alter orders --set retention=forever',
      'topic alter orders --set retention-bytes=10GB --dry-run',
    ],
    run: alter,
  },
  {
    path: ['topic', 'truncate'],
    summary: 'delete the oldest records of a topic',
    details: 'Deletes whole segments that lie before the place, so that some older records may stay.',
    effect: 'destructive',
    arguments: [topicArgument],
    flags: [
      { name: 'before', value: 'PLACE', help: 'an offset, an ISO time, or latest', completes: ['latest'] },
      { name: 'partition', short: 'p', value: 'N', number: true, help: 'only this partition' },
      dryRun,
      yes,
    ],
    examples: [
      'topic truncate orders --before 2026-01-01 --yes',
      'topic truncate orders --before 1200 --partition 0 --dry-run',
    ],
    run: truncate,
  },
  {
    path: ['topic', 'delete'],
    summary: 'delete a topic and all its records',
    effect: 'destructive',
    arguments: [topicArgument],
    flags: [dryRun, yes],
    examples: ['topic delete orders --yes', 'topic delete orders --dry-run'],
    run: remove,
  },
]
