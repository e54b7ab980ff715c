// `pspf produce`: one record a line into a topic. Prints how many records the node has on disk.
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { BrokerError, systemCode } from '#base'
import type { ProduceAnswer, TopicDetail } from '../answers.ts'
import type { Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import { Progress } from '../output/progress.ts'
import { topicPath } from '../routes.ts'
import type { Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'
import { checkLine, type LineRules } from './line-check.ts'
import { readLines } from './line-reader.ts'
import { LineSender } from './line-sender.ts'

async function produce({ session, argument, on, text }: Call): Promise<number> {
  const topic = argument('TOPIC')
  const rules: LineRules = { asText: on('text'), keyField: text('key-field') }
  if (rules.asText && rules.keyField !== undefined) {
    throw new UsageError(
      '--text lines have no fields for --key-field',
      'send JSON objects, or leave one of both out',
    )
  }
  const { terminal, client } = session
  // Before anything is read: with nothing to send, nobody else would say that there is no such topic.
  await client.ask<TopicDetail>(topicPath(topic))
  const input = inputOf(session, text('file') ?? '-')
  const progress = new Progress(session, 'records acknowledged')
  const sender = new LineSender({
    post: (lines) =>
      client.ask<ProduceAnswer>(`${topicPath(topic)}/records`, {
        method: 'POST',
        lines,
        query: { keyField: rules.keyField },
        toItsEnd: true,
      }),
    clock: terminal.clock,
    signal: terminal.interrupted,
    acknowledged: (count) => progress.set(count),
  })
  try {
    await sendAll(session, { input, rules, sender })
  } finally {
    progress.end()
    if (sender.count > 0 || !session.output.forPeople) await printCount(session, topic, sender.count)
  }
  if (sender.count === 0 && session.output.forPeople) await printCount(session, topic, 0)
  return exitCode.success
}

type Work = { input: AsyncIterable<Uint8Array>; rules: LineRules; sender: LineSender }

async function sendAll({ terminal }: Session, { input, rules, sender }: Work): Promise<void> {
  try {
    for await (const lines of readLines(untilAborted(input, terminal.interrupted))) {
      for (const line of lines) await sender.add(line.number, checkLine(line, rules))
      sender.flush()
    }
    await sender.finish()
  } catch (thrown) {
    // What was sent before the bad line still gets its answer, so that the count is true.
    const failed = await sender.abandon()
    throw failed ?? afterLines(thrown, sender)
  }
}

/** A bad line says how far the good ones got, so that the file can be sent from there. */
function afterLines(thrown: unknown, sender: LineSender): unknown {
  if (!(thrown instanceof BrokerError) || thrown.details['line'] === undefined) return thrown
  const done = sender.lastLine === 0 ? 'no line is stored' : `lines up to ${sender.lastLine} are stored`
  return new BrokerError(thrown.code, `${thrown.message}; ${done}`, {
    ...(thrown.fix === undefined ? {} : { fix: thrown.fix }),
    details: thrown.details,
    cause: thrown,
  })
}

function inputOf(session: Session, file: string): AsyncIterable<Uint8Array> {
  const { terminal } = session
  if (file !== '-') return fileInput(resolve(terminal.workingDirectory, file))
  if (terminal.inputIsTerminal) session.note('reading JSON values, one a line; Ctrl-D ends')
  return terminal.input()
}

async function* fileInput(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 2 ** 18 })
  } catch (thrown) {
    const code = systemCode(thrown)
    if (code === undefined) throw thrown
    throw new UsageError(`${path} cannot be read (${code})`, 'check --file')
  }
}

/** The same chunks, but a Ctrl-C ends the wait for the next one. */
async function* untilAborted(
  input: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const aborted = Promise.withResolvers<never>()
  aborted.promise.catch(() => undefined)
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  const chunks = input[Symbol.asyncIterator]()
  try {
    for (;;) {
      signal.throwIfAborted()
      const { value, done } = await Promise.race([chunks.next(), aborted.promise])
      if (done) return
      yield value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Closes the file; a source that is still waiting for data cannot answer, so nobody waits for it.
    chunks.return?.().catch(() => undefined)
  }
}

async function printCount({ output }: Session, topic: string, count: number): Promise<void> {
  await output.done({ topic, count }, topic, String(count))
}

export const produceCommands: readonly Command[] = [
  {
    path: ['produce'],
    summary: 'send records, one JSON value a line; prints the count acknowledged',
    details:
      'A record counts when it is on disk. A line that is no record stops the command: it names the line, sends nothing of the request that the line belongs to, and says up to which line records are stored.',
    effect: 'writes',
    arguments: [{ name: 'TOPIC', help: 'topic to send to', completes: 'topic' }],
    flags: [
      {
        name: 'key-field',
        short: 'k',
        value: 'FIELD',
        help: 'field of each value that becomes its key: user.id',
      },
      {
        name: 'file',
        short: 'f',
        value: 'FILE',
        fallback: '-',
        completes: 'file',
        help: 'file to read; - is the standard input',
      },
      { name: 'text', help: 'each line is a text, not JSON' },
    ],
    examples: [
      'produce orders --key-field region --file orders.ndjson',
      `produce orders <<< '{"region":"north","amount":12.5}'`,
      'produce log --text < app.log',
    ],
    run: produce,
  },
]
