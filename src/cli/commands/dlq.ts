// `pspf dlq ...`: dead letters.
import { formatSize } from '#base'
import type {
  DeadLetterJson,
  DeadLettersPage,
  DeadLetterTopic,
  PurgeAnswer,
  ReplayAnswer,
} from '../answers.ts'
import type { Argument, Call, Command, Flag } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import type { Column, View } from '../output/output.ts'
import { harmless } from '../output/style.ts'
import { countText, timeText } from '../output/text-forms.ts'
import { dlqPath } from '../routes.ts'
import { UsageError } from '../usage-error.ts'
import { dryRun, yes } from './consent-flags.ts'

const topics: View<DeadLetterTopic> = {
  name: (one) => one.topic,
  columns: [
    { title: 'topic', of: (one) => one.topic },
    { title: 'waiting', of: (one) => one.waiting, right: true },
    { title: 'replayed', of: (one) => one.replayed, right: true },
    {
      title: 'size',
      of: (one) => one.sizeBytes,
      show: (one) => formatSize(one.sizeBytes),
      right: true,
      wide: true,
    },
    { title: 'last', of: (one) => one.lastAppendTime, show: (one) => timeText(one.lastAppendTime) },
    { title: 'node', of: (one) => one.causes[0]?.node ?? null },
    { title: 'newest cause', of: (one) => one.causes[0]?.error ?? null },
  ],
}

const placeOf = ({ partition, offset }: DeadLetterJson) => `${partition}:${offset}`

const letters: View<DeadLetterJson> = {
  name: placeOf,
  columns: [
    { title: 'letter', of: placeOf },
    { title: 'state', of: (one) => (one.kind === 'record' ? one.state : 'not to be sent') },
    {
      title: 'timestamp',
      of: (one) => one.record.timestamp,
      show: (one) => timeText(one.record.timestamp),
      wide: true,
    },
    { title: 'app', of: (one) => one.app, wide: true },
    { title: 'node', of: (one) => one.node },
    { title: 'from', of: (one) => `${one.topic}-${one.record.partition}:${one.record.offset}` },
    { title: 'attempts', of: (one) => one.attempts, right: true },
    { title: 'key', of: (one) => one.record.key },
    { title: 'error', of: (one) => one.error },
  ],
}

const detailColumns: readonly Column<DeadLetterJson>[] = [
  ...letters.columns.slice(0, -1),
  { title: 'stage', of: (one) => one.stage },
  { title: 'task', of: (one) => one.task },
  { title: 'headers', of: (one) => one.record.headers },
  { title: 'value', of: (one) => one.record.value },
]

async function list({ session }: Call): Promise<number> {
  const found = await session.client.ask<DeadLetterTopic[]>('/api/v1/dlq')
  await session.output.list(found, topics)
  if (found.length === 0 && session.output.forPeople) session.note('no topic of dead letters')
  return exitCode.success
}

async function inspect({ session, argument, text, number }: Call): Promise<number> {
  const path = dlqPath(argument('TOPIC'))
  const letter = text('letter')
  if (letter !== undefined) {
    const { partition, offset } = parseLetter(letter)
    const query = { before: `${partition}:${offset + 1}`, limit: 1 }
    const page = await session.client.ask<DeadLettersPage>(path, { query })
    const found = page.letters.find((one) => placeOf(one) === letter)
    if (found === undefined)
      throw new UsageError(`there is no letter ${letter}`, 'pspf dlq inspect lists them')
    const stack = found.stack === '' ? '' : `\n${harmless(found.stack, true)}\n`
    await session.output.one(found, { ...letters, columns: detailColumns }, stack || `\n${found.error}\n`)
    return exitCode.success
  }
  const stream = session.output.stream(letters)
  let left = number('limit') ?? 20
  for (let before: string | undefined; left > 0; ) {
    const query = {
      limit: Math.min(left, 1_000),
      before,
      node: text('node'),
      error: text('error'),
      state: text('state'),
    }
    const page = await session.client.ask<DeadLettersPage>(path, { query })
    await stream.write(page.letters)
    left -= page.letters.length
    if (page.next === null) break
    before = page.next
  }
  await stream.end()
  return exitCode.success
}

async function replay({ session, argument, text, texts, on }: Call): Promise<number> {
  const topic = argument('TOPIC')
  const at = text('at')
  const chosen = texts('letter').map(parseLetter)
  const request = {
    ...(chosen.length > 0 ? { letters: chosen } : {}),
    node: text('node'),
    error: text('error'),
    at: at === 'now' ? at : undefined,
    dryRun: on('dry-run'),
  }
  const path = `${dlqPath(topic)}/replay`
  const ask = () => session.client.ask<ReplayAnswer>(path, { method: 'POST', json: request })
  let answer = await ask()
  while (answer.more && !answer.dryRun) answer = joined(answer, await ask())
  await session.output.done(answer, topic, sentenceOf(answer))
  for (const { partition, offset, why } of answer.why) session.note(`${partition}:${offset} was left: ${why}`)
  return answer.skipped > 0 ? exitCode.partial : exitCode.success
}

/** Of two calls that follow each other. What the first one sent, the second one finds sent already. */
function joined(first: ReplayAnswer, then: ReplayAnswer): ReplayAnswer {
  const into = new Map(first.into.map(({ topic, records }) => [topic, records]))
  for (const { topic, records } of then.into) into.set(topic, (into.get(topic) ?? 0) + records)
  return {
    ...then,
    replayed: first.replayed + then.replayed,
    alreadyReplayed: first.alreadyReplayed,
    into: [...into].map(([topic, records]) => ({ topic, records })),
  }
}

function sentenceOf({
  topic,
  dryRun: dry,
  replayed,
  alreadyReplayed,
  skipped,
  into,
  more,
}: ReplayAnswer): string {
  const where = into.map(({ topic: to, records }) => `${countText(records, 'record')} into ${to}`).join(', ')
  const what = replayed === 0 ? `nothing of ${topic}` : `${topic}: ${where}`
  const notes = [
    ...(more ? ['and more'] : []),
    ...(alreadyReplayed > 0
      ? [`${countText(alreadyReplayed, 'letter')} sent before, or of the same records`]
      : []),
    ...(skipped > 0 ? [`${skipped} cannot be sent`] : []),
  ]
  return `${dry ? 'would replay' : 'replayed'} ${[what, ...notes].join('; ')}`
}

async function purge({ session, argument, on }: Call): Promise<number> {
  const topic = argument('TOPIC')
  session.confirm(`purging ${topic} forgets its dead letters`, topic)
  const json = { dryRun: on('dry-run') }
  const answer = await session.client.ask<PurgeAnswer>(`${dlqPath(topic)}/purge`, { method: 'POST', json })
  const did = answer.dryRun ? 'would purge' : 'purged'
  await session.output.done(answer, topic, `${did} ${countText(answer.purged, 'letter')} of ${topic}`)
  return exitCode.success
}

function parseLetter(text: string): { partition: number; offset: number } {
  const match = /^(\d{1,9}):(\d{1,15})$/.exec(text)
  if (match === null)
    throw new UsageError(`--letter: "${text}" is no letter`, 'write partition:offset, as in 0:12')
  return { partition: Number(match[1]), offset: Number(match[2]) }
}

const topicArgument: Argument = { name: 'TOPIC', help: 'topic of dead letters', completes: 'dlq' }
const node: Flag = { name: 'node', value: 'ID', help: 'only letters of this operator' }
const error: Flag = { name: 'error', value: 'TEXT', help: 'only with this in their error' }
const letter: Flag = { name: 'letter', value: 'PARTITION:OFFSET', help: 'this letter' }

export const dlqCommands: readonly Command[] = [
  {
    path: ['dlq', 'list'],
    summary: 'list topics of dead letters with their newest cause',
    effect: 'read-only',
    examples: ['dlq list', 'dlq list -o json'],
    run: list,
  },
  {
    path: ['dlq', 'inspect'],
    summary: 'show dead letters, the newest first, or one with its stack and value',
    effect: 'read-only',
    arguments: [topicArgument],
    flags: [
      letter,
      { name: 'limit', short: 'n', value: 'N', number: true, help: 'letters at most', fallback: '20' },
      node,
      error,
      { name: 'state', value: 'STATE', help: 'waiting or replayed', choices: ['waiting', 'replayed'] },
    ],
    examples: ['dlq inspect orders.dead', 'dlq inspect orders.dead --letter 0:12'],
    run: inspect,
  },
  {
    path: ['dlq', 'replay'],
    summary: 'send the records of dead letters again, each once',
    details:
      'Records go back into the topic and partition they came from, with key, value, headers and time as they were. A letter is sent once, however often it is asked for: after a failure, repeat the command.',
    effect: 'writes',
    arguments: [topicArgument],
    flags: [
      { ...letter, many: true, help: 'only this letter (again for more)' },
      node,
      error,
      {
        name: 'at',
        value: 'WHEN',
        help: 'now: with the time of the replay; default: their own',
        choices: ['now'],
      },
      dryRun,
    ],
    examples: ['dlq replay orders.dead --dry-run', 'dlq replay orders.dead --error RangeError'],
    run: replay,
  },
  {
    path: ['dlq', 'purge'],
    summary: 'forget all dead letters of a topic',
    effect: 'destructive',
    arguments: [topicArgument],
    flags: [dryRun, yes],
    examples: ['dlq purge orders.dead --dry-run', 'dlq purge orders.dead --yes'],
    run: purge,
  },
]
