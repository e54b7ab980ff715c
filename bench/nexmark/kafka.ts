// A Kafka broker, and what runs on it: Kafka Streams, or Flink between two of its topics. Both exactly once; records are
// in the broker's page cache when they are acknowledged, as Kafka's defaults have it.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { kept, onBothCores, type Server, watch } from '../servers.ts'
import { linesInChunks } from './input-file.ts'
import { sizeOf } from './pspf.ts'
import type { Progress, Running, Subject } from './subject.ts'

const cache = process.env['PSPF_PEERS'] ?? join(homedir(), '.cache', 'pspf-peers')
const broker = '127.0.0.1:9192'
const memory = '-Xmx2g'
const startMsMax = 60_000

type Peer = 'kafka' | 'flink'

/** On both cores, as the product. */
function java(peer: Peer, args: readonly string[], cwd: string): Bun.Subprocess<'ignore', 'pipe', 'inherit'> {
  const path = `${join(cache, peer, 'classes')}:${join(cache, peer, 'lib', '*')}`
  return kept(
    Bun.spawn([...onBothCores, 'java', memory, ...opened, '-cp', path, ...args], {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
      cwd,
    }),
  )
}

/** What Flink asks for on Java 17. */
const opened = ['java.lang', 'java.util', 'java.util.concurrent', 'java.time'].flatMap((name) => [
  '--add-opens',
  `java.base/${name}=ALL-UNNAMED`,
])

async function untilEnd(child: Bun.Subprocess): Promise<void> {
  if ((await child.exited) !== 0) throw new Error('a Java program failed')
}

async function startBroker(folder: string): Promise<Server> {
  const properties = join(import.meta.dir, 'peers', 'server.properties')
  mkdirSync(folder, { recursive: true })
  const settings = join(folder, 'server.properties')
  await Bun.write(settings, `${await Bun.file(properties).text()}\nlog.dirs=${join(folder, 'logs')}\n`)
  if (!existsSync(join(folder, 'logs'))) {
    const id = 'bmV4bWFyay1iZW5jaC0wMQ'
    await untilEnd(
      java('kafka', ['kafka.tools.StorageTool', 'format', '-t', id, '-c', settings, '--standalone'], folder),
    )
  }
  const child = java('kafka', ['kafka.Kafka', settings], folder)
  void new Response(child.stdout).text()
  const deadline = performance.now() + startMsMax
  for (;;) {
    const open = await Bun.connect({
      hostname: '127.0.0.1',
      port: 9192,
      socket: { data: () => undefined },
    }).then(
      (socket) => {
        socket.end()
        return true
      },
      () => false,
    )
    if (open) return watch(child, folder, 9192)
    if (performance.now() > deadline) throw new Error('the broker did not start')
    await Bun.sleep(100)
  }
}

type Wanted = {
  readonly name: string
  readonly promise: string
  readonly queries: readonly string[]
  readonly peer: Peer
  /** The arguments of its program. */
  readonly program: (query: string, group: string, state: string) => readonly string[]
}

export function kafkaStreams(folder: string): Subject {
  return onKafka(folder, {
    name: 'Kafka Streams',
    promise: 'exactly_once_v2, commits every 100 ms; acknowledged in the page cache',
    queries: ['q0', 'q1', 'q2', 'q5', 'q7', 'q8', 'q11', 'q17', 'q18'],
    peer: 'kafka',
    program: (query, group, state) => ['Peer', 'run', broker, query, group, state],
  })
}

export function flink(folder: string): Subject {
  return onKafka(folder, {
    name: 'Flink',
    promise: 'exactly once, a checkpoint a second; acknowledged in the page cache',
    queries: ['q0', 'q1', 'q2', 'q5', 'q7', 'q8', 'q11'],
    peer: 'flink',
    program: (query, group, state) => ['Peer', broker, query, group, state, '1000'],
  })
}

/** One broker for all runs of a subject: each run has a group, a state and an output topic of its own. */
function onKafka(folder: string, { name, promise, queries, peer, program }: Wanted): Subject {
  let server: Server | null = null
  let runs = 0
  return {
    name,
    promise,
    queries,
    async prepare({ path }) {
      if (!existsSync(join(cache, peer, 'classes', 'Peer.class')))
        return 'bench/nexmark/peers/install.sh gets it'
      rmSync(folder, { recursive: true, force: true })
      server = await startBroker(join(folder, 'broker'))
      await untilEnd(java('kafka', ['Peer', 'load', broker, path], folder))
      return null
    },
    async run(query) {
      const state = join(folder, 'state')
      rmSync(state, { recursive: true, force: true })
      mkdirSync(state, { recursive: true })
      const group = `${query}-${++runs}`
      const watched = await watchGroup(group, folder)
      const child = java(peer, program(query, group, state), folder)
      void new Response(child.stdout).text()
      return running({ group, state, folder, watched }, server!, watch(child, state, 0))
    },
    async finish() {
      await server?.stop()
    },
  }
}

type Watched = { now: Progress; readonly stop: () => void }

/** A program of its own, whose time does not count: it asks the broker how far a group is. */
async function watchGroup(group: string, folder: string): Promise<Watched> {
  const child = java('kafka', ['Peer', 'watch', broker, group], folder)
  const watched: Watched = { now: { position: 0, output: 0 }, stop: () => child.kill('SIGKILL') }
  let began: () => void = () => undefined
  const first = new Promise<void>((resolve) => {
    began = resolve
  })
  void (async () => {
    const decoder = new TextDecoder()
    for await (const part of child.stdout) {
      const [position, output] = (decoder.decode(part).trim().split('\n').at(-1) ?? '').split(' ').map(Number)
      watched.now = { position: position ?? 0, output: output ?? 0 }
      began()
    }
  })()
  await first
  return watched
}

type Run = {
  readonly group: string
  readonly state: string
  readonly folder: string
  readonly watched: Watched
}

function running({ group, state, folder, watched }: Run, server: Server, peer: Server): Running {
  const logs = join(folder, 'broker', 'logs')
  return {
    progress: async () => watched.now,
    cpuSeconds: () => server.cpuSeconds() + peer.cpuSeconds(),
    peakMegabytes: () => server.peakMegabytes() + peer.peakMegabytes(),
    stateBytes: async () =>
      sizeOf(state) +
      readdirSync(logs)
        .filter((name) => name.startsWith(`${group}-`) && /-(changelog|repartition)-\d+$/.test(name))
        .reduce((sum, name) => sum + sizeOf(join(logs, name)), 0),
    async output() {
      const file = join(folder, 'output.ndjson')
      await untilEnd(java('kafka', ['Peer', 'dump', broker, `${group}-out`, file], folder))
      return readRows(file)
    },
    async stop() {
      watched.stop()
      await peer.stop()
    },
  }
}

async function readRows(path: string): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const lines of linesInChunks(path)) for (const row of Bun.JSONL.parse(lines)) rows.push(row)
  return rows
}
