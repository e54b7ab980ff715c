// bun test/log/kafka-dump.ts: has Kafka's own kafka-dump-log read our segments, every CRC and every record.
// Needs Java and Maven, and fetches Kafka from Maven Central (about 100 MB), so it is no part of the test suite.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { samplePartitions, type WrittenRecord, writeSampleLog } from './sample-log.ts'

const kafkaVersion = '3.9.1'
const root = mkdtempSync(join(tmpdir(), 'pspf-kafka-dump-'))

function run(command: string[], cwd: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd, maxBuffer: 2 ** 30 })
  if (exitCode !== 0)
    throw new Error(`${command[0]} ended with ${exitCode}: ${stderr}${stdout.subarray(0, 2000)}`)
  return stdout.toString()
}

function kafkaLibraries(): string {
  const folder = join(import.meta.dir, '..', '..', 'dist', `kafka-${kafkaVersion}`)
  mkdirSync(folder, { recursive: true })
  const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>pspf</groupId><artifactId>dump</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${kafkaVersion}</version>
</dependency></dependencies></project>`
  writeFileSync(join(folder, 'pom.xml'), pom)
  run(
    ['mvn', '-q', 'dependency:copy-dependencies', '-DoutputDirectory=lib', '-DincludeScope=runtime'],
    folder,
  )
  return join(folder, 'lib', '*')
}

type Dumped = {
  batches: number
  valid: number
  records: { offset: number; timestamp: number; keySize: number; valueSize: number }[]
}

function dump(classPath: string, file: string): Dumped {
  const tool = ['java', '-cp', classPath, 'kafka.tools.DumpLogSegments']
  const lines = run([...tool, '--deep-iteration', '--print-data-log', '--files', file], root).split('\n')
  const found: Dumped = { batches: 0, valid: 0, records: [] }
  for (const line of lines) {
    if (line.startsWith('baseOffset:')) found.batches++
    if (line.startsWith('baseOffset:') && line.includes('isvalid: true')) found.valid++
    const record = /^\| offset: (\d+) CreateTime: (-?\d+) keySize: (-?\d+) valueSize: (-?\d+)/.exec(line)
    if (!record) continue
    const [offset = -1, timestamp = -1, keySize = -1, valueSize = -1] = record.slice(1).map(Number)
    found.records.push({ offset, timestamp, keySize, valueSize })
  }
  return found
}

const sizeOf = (content: string | null) => (content === null ? -1 : Buffer.byteLength(content))
const facts = ({ offset, timestamp, key, value }: WrittenRecord) => ({
  offset,
  timestamp,
  keySize: sizeOf(key),
  valueSize: sizeOf(value),
})

const classPath = kafkaLibraries()
const data = join(root, 'data')
const written = await writeSampleLog(data)
for (const name of samplePartitions) {
  const folder = join(data, 'topics', name)
  const segments = readdirSync(folder)
    .filter((file) => file.endsWith('.log'))
    .sort()
  const dumps = segments.map((file) => dump(classPath, join(folder, file)))
  const batches = dumps.reduce((sum, found) => sum + found.batches, 0)
  const valid = dumps.reduce((sum, found) => sum + found.valid, 0)
  const records = dumps.flatMap((found) => found.records)
  const agrees = batches > 0 && valid === batches && Bun.deepEquals(records, written.get(name)!.map(facts))
  console.log(
    `${name}: ${segments.length} segments, ${valid} of ${batches} batches valid, ${records.length} records: ${agrees ? 'agrees' : 'DIFFERS'}`,
  )
  if (!agrees) process.exitCode = 1
}
rmSync(root, { recursive: true })
