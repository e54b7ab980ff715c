// bun run bench nexmark: the queries of NEXMark, exactly once over a durable log, beside peers on the same bytes.
//   bun run bench nexmark                              every query, five runs of 2,000,000 events
//   bun run bench nexmark --quick                      one run of 400,000
//   bun run bench nexmark --queries q0,q5 --subjects 'pspf,Kafka Streams' --events 1000000 --runs 3 --warm-up 200000
// A result unlike the oracle's voids its run. Peers come from peers/install.sh; one that is not there is named.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { bytewax, rxjs } from './in-memory.ts'
import { inputFile, readEvents } from './input-file.ts'
import { flink, kafkaStreams } from './kafka.ts'
import { answers, inputOf } from './oracle.ts'
import { pspf } from './pspf.ts'
import { digestOf, digestOfRows } from './results.ts'
import { type Measured, measureRun, type Subject } from './subject.ts'

const option = (name: string, otherwise: string): string => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : process.argv[at + 1]!
}
const quick = process.argv.includes('--quick')
const count = Number(option('events', quick ? '400000' : '2000000'))
const warmUp = Number(option('warm-up', String(Math.floor(count / 5))))
const runs = Number(option('runs', quick ? '1' : '5'))
const seed = Number(option('seed', '1'))
const rate = Number(option('rate', '10000'))
const folder = join(import.meta.dir, '..', '..', 'dist', 'bench', 'nexmark')

const all: Subject[] = [
  pspf(join(folder, 'pspf'), 7172),
  kafkaStreams(join(folder, 'kafka-streams')),
  flink(join(folder, 'flink')),
  rxjs(join(folder, 'rxjs')),
  bytewax(join(folder, 'bytewax')),
]
const named = option('subjects', all.map(({ name }) => name).join(',')).split(',')
const subjects = all.filter(({ name }) => named.includes(name))
const queries = option('queries', Object.keys(answers).join(',')).split(',')

const input = await inputFile(folder, { seed, rate, count })
const head = `${count.toLocaleString('en-US')} events (seed ${seed}, ${rate}/s of event time), ${(input.sizeBytes / 1e6).toFixed(0)} MB, sha256 ${input.sha256}; first ${warmUp.toLocaleString('en-US')} as warm-up; ${cpus().length} × ${cpus()[0]?.model}`
console.log(head)

const expected = new Map<string, { rows: number; digest: string }>()
{
  const events = inputOf(await readEvents(input.path))
  for (const query of queries) {
    const hash = digestOfRows(answers[query]!(events))
    expected.set(query, { rows: hash.rows, digest: hash.digest() })
  }
}
Bun.gc(true)

type Line = { query: string; subject: Subject; runs: Measured[]; void: string | null }
const lines: Line[] = []
for (const subject of subjects) {
  const missing = await subject.prepare(input)
  if (missing !== null) console.log(`${subject.name} is missing: ${missing}`)
  else {
    console.log(`${subject.name}: ${subject.promise}`)
    for (const query of queries)
      if (subject.queries.includes(query)) lines.push(await measure(subject, query))
  }
  await subject.finish?.()
}
const table = [
  '| query | subject | events/s | events per CPU second | CPU s/M | peak MB | state MB | rows | result |',
  '|---|---|---|---|---|---|---|---|---|',
  ...lines.toSorted((a, b) => queries.indexOf(a.query) - queries.indexOf(b.query)).map(row),
]
writeFileSync(join(folder, 'table.md'), `${head}\n\n${table.join('\n')}\n`)
process.exit(lines.some((line) => line.void !== null) ? 1 : 0)

async function measure(subject: Subject, query: string): Promise<Line> {
  const line: Line = { query, subject, runs: [], void: null }
  for (let run = 0; run < runs && line.void === null; run++) {
    const running = await subject.run(query)
    try {
      const measured = await measureRun(running, { events: input.events, warmUp })
      const hash = digestOf(query, measured.output)
      const right = expected.get(query)!
      if (hash.digest() !== right.digest) line.void = `${hash.rows} rows for ${right.rows}`
      line.runs.push({ ...measured, output: [] })
    } catch (error) {
      line.void = String(error)
    } finally {
      await running.stop()
    }
  }
  console.log(row(line))
  return line
}

function row({ query, subject, runs: made, void: wrong }: Line): string {
  const figure = (pick: (measured: Measured) => number, digits = 0) => {
    const values = made.map(pick).sort((a, b) => a - b)
    const show = (value = 0) => value.toLocaleString('en-US', { maximumFractionDigits: digits })
    const middle = show(values[values.length >> 1])
    return values.length < 2 ? middle : `${middle} (${show(values[0])}–${show(values.at(-1))})`
  }
  const cells = [
    query,
    subject.name,
    figure((one) => one.wallPerSecond),
    figure((one) => one.perCpuSecond),
    figure((one) => 1e6 / one.perCpuSecond, 2),
    figure((one) => one.peakMegabytes),
    figure((one) => one.stateMegabytes, 1),
    String(expected.get(query)!.rows),
    wrong === null ? 'as the oracle' : `VOID: ${wrong}`,
  ]
  return `| ${cells.join(' | ')} |`
}
