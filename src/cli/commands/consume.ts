// `pspf consume`: records of all partitions of a topic, what is there now or what comes.
import type { TopicDetail } from '../answers.ts'
import type { Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import type { RowStream } from '../output/output.ts'
import { recordsView } from '../output/records-view.ts'
import { countText } from '../output/text-forms.ts'
import type { RecordRow } from '../record-texts.ts'
import { topicPath } from '../routes.ts'
import type { Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'
import { Outage } from './outage.ts'
import { PartitionReader, readMerged } from './partition-reader.ts'
import { type Place, parsePlace, placeText } from './place.ts'

/** Records asked for at once, of all partitions together; a partition gets its share, but not less than the least. */
const pageRecordsMax = 5_000
const pageRecordsMin = 100
/** How long the node holds a question open while there is nothing new. */
const followWaitMs = 10_000
/** Questions held open at once; further partitions take turns. */
const followersMax = 64

async function consume(call: Call): Promise<number> {
  const { session } = call
  const topic = call.argument('TOPIC')
  const where = call.text('from')
  const follow = call.on('follow') || where === 'latest'
  const place = parsePlace(where ?? (follow ? 'latest' : 'earliest'), '--from')
  const detail = await session.client.ask<TopicDetail>(topicPath(topic))
  const readers = readersOf(session, { detail, place, follow, only: call.number('partition') })
  const sink = new Sink(session, {
    countMax: call.number('count') ?? Number.POSITIVE_INFINITY,
    valuesOnly: call.on('values'),
  })
  try {
    if (follow) await followAll(session, readers, sink)
    else await readAll(readers, sink)
    await sink.end()
  } catch (thrown) {
    // A Ctrl-C ends what was begun properly: a JSON list gets its bracket.
    if (thrown === session.terminal.interrupted.reason) await sink.end()
    throw thrown
  }
  return exitCode.success
}

/** Takes records until it has enough. */
class Sink {
  readonly #session: Session
  readonly #stream: RowStream<RecordRow>
  readonly #valuesOnly: boolean
  #left: number

  constructor(session: Session, options: { countMax: number; valuesOnly: boolean }) {
    this.#session = session
    this.#stream = session.output.stream(recordsView)
    this.#valuesOnly = options.valuesOnly
    this.#left = options.countMax
  }

  get full(): boolean {
    return this.#left <= 0
  }

  /** How many more it would take, at most `limit`. */
  room(limit: number): number {
    return Math.min(limit, this.#left)
  }

  async write(rows: readonly RecordRow[]): Promise<void> {
    const taken = rows.slice(0, this.#left)
    this.#left -= taken.length
    if (!this.#valuesOnly) return await this.#stream.write(taken)
    await this.#session.output.text(taken.map((row) => `${row.valueText}\n`).join(''))
  }

  async end(): Promise<void> {
    if (!this.#valuesOnly) await this.#stream.end()
  }
}

async function readAll(readers: readonly PartitionReader[], sink: Sink): Promise<void> {
  const share = Math.max(pageRecordsMin, Math.floor(pageRecordsMax / Math.max(1, readers.length)))
  if (sink.full) return
  for await (const records of readMerged(readers, sink.room(share))) {
    await sink.write(records)
    if (sink.full) return
  }
}

/** Asks every partition at the same time and writes what comes, in the order in which it comes. */
async function followAll(session: Session, readers: readonly PartitionReader[], sink: Sink): Promise<void> {
  const enough = new AbortController()
  const outage = new Outage(session)
  let writing = Promise.resolve()
  const turns = Array.from({ length: Math.min(followersMax, readers.length) }, (_, turn) =>
    readers.filter((_reader, index) => index % followersMax === turn),
  )
  const follow = async (mine: readonly PartitionReader[]) => {
    const waitMs = Math.floor(followWaitMs / mine.length)
    while (!sink.full) {
      for (const reader of mine) {
        const records = await outage.survive(
          () => reader.read({ limit: sink.room(pageRecordsMax), waitMs, signal: enough.signal }),
          enough.signal,
        )
        if (records.length === 0) continue
        writing = writing.then(() => sink.write(records))
        await writing
        if (sink.full) return enough.abort(finished)
      }
    }
  }
  try {
    if (!sink.full) await Promise.all(turns.map(follow))
  } catch (thrown) {
    enough.abort(thrown)
    if (thrown !== finished) throw thrown
  }
  session.terminal.interrupted.throwIfAborted()
}

/** Why the other partitions are no longer asked. */
const finished = new Error('enough records were read')

type Choice = {
  readonly detail: TopicDetail
  readonly place: Place
  readonly follow: boolean
  readonly only: number | undefined
}

function readersOf(session: Session, { detail, place, follow, only }: Choice): PartitionReader[] {
  const chosen = detail.partitionList.filter(({ partition }) => only === undefined || partition === only)
  if (chosen.length === 0) {
    throw new UsageError(
      `${detail.name} has no partition ${only}`,
      `it has ${countText(detail.partitions, 'partition')}, from 0`,
    )
  }
  return chosen.flatMap((range) => {
    const { partition, startOffset, endOffset } = range
    if (!follow && endOffset <= startOffset) return []
    const from = fromText(session, range, place)
    if (!follow && place.kind === 'offset' && place.offset >= endOffset) return []
    const end = follow ? null : endOffset
    return [new PartitionReader({ client: session.client, topic: detail.name, partition, from, end })]
  })
}

/** An offset means the nearest one that a partition holds; what is gone is said. */
function fromText(session: Session, range: TopicDetail['partitionList'][number], place: Place): string {
  const { partition, startOffset, endOffset } = range
  // An offset, so that what comes while the node is away is not skipped when it returns.
  if (place.kind === 'latest') return String(endOffset)
  if (place.kind !== 'offset') return placeText(place)
  if (place.offset < startOffset) {
    session.note(`partition ${partition} begins at offset ${startOffset}; what was before is deleted`)
  }
  return String(Math.min(Math.max(place.offset, startOffset), endOffset))
}

export const consumeCommands: readonly Command[] = [
  {
    path: ['consume'],
    summary: 'print the records of a topic',
    details:
      'Prints what is there now and ends; with --follow (or --from latest) waits for more, through a restart of the node too. Partitions are merged by timestamp.',
    effect: 'read-only',
    arguments: [{ name: 'TOPIC', help: 'topic to read', completes: 'topic' }],
    flags: [
      {
        name: 'from',
        value: 'PLACE',
        help: 'earliest, latest, an offset or an ISO time (default earliest; with --follow latest)',
        completes: ['earliest', 'latest'],
      },
      { name: 'count', short: 'n', value: 'N', number: true, help: 'end after this many records' },
      { name: 'follow', short: 'f', help: 'wait for new records until Ctrl-C' },
      { name: 'partition', short: 'p', value: 'N', number: true, help: 'only this partition' },
      { name: 'values', help: 'only the values, one JSON text a line' },
    ],
    examples: [
      'consume orders',
      'consume orders --from earliest -n 10 -o table',
      'consume orders --follow --values',
    ],
    defaultFormat: 'jsonl',
    run: consume,
  },
]
