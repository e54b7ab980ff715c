// pspf as users run it: the compiled binary, the query as an app in its process, input and output in the durable log.
import { cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { binary, onBothCores, type Server, servePspf, startPspf } from '../servers.ts'
import { linesInChunks } from './input-file.ts'
import type { Running, Subject } from './subject.ts'

const queriesFolder = join(import.meta.dir, 'queries')
const sideRows = 10_000

export function pspf(folder: string, port: number): Subject {
  const filled = join(folder, 'filled')
  const used = join(folder, 'used')
  const url = `http://127.0.0.1:${port}/api/v1`
  return {
    name: 'pspf',
    promise: 'synced before it is seen',
    queries: readdirSync(queriesFolder).flatMap((name) => /^(q\d+)\.ts$/.exec(name)?.[1] ?? []),
    async prepare({ path }) {
      if (!existsSync(binary)) return 'not compiled: bun compile.ts'
      const server = await startPspf(filled, port)
      await createTopic(url, 'nexmark')
      await createTopic(url, 'nexmark-side')
      for await (const lines of linesInChunks(path)) await send(`${url}/topics/nexmark/records`, lines)
      const side = Array.from({ length: sideRows }, (_, key) => `{"key":${key},"value":"value ${key}"}\n`)
      await send(`${url}/topics/nexmark-side/records?keyField=key`, Buffer.from(side.join('')))
      await server.stop(true)
      return null
    },
    async run(query) {
      rmSync(used, { recursive: true, force: true })
      cpSync(filled, used, { recursive: true })
      const app = join(queriesFolder, `${query}.ts`)
      return running(query, await servePspf(used, port, [app], onBothCores), { url, folder: used })
    },
  }
}

function running(query: string, server: Server, { url, folder }: { url: string; folder: string }): Running {
  const output = `${query}-out`
  return {
    async progress() {
      const group = await ask<{ offsets: { topic: string; offset: number }[] }>(`${url}/groups/${query}`)
      const topic = await ask<{ records: number }>(`${url}/topics/${output}`)
      return {
        position: group?.offsets.find((one) => one.topic === 'nexmark')?.offset ?? 0,
        output: topic?.records ?? 0,
      }
    },
    cpuSeconds: server.cpuSeconds,
    peakMegabytes: server.peakMegabytes,
    stateBytes: async () =>
      sizeOf(join(folder, 'apps')) +
      readdirSync(join(folder, 'topics'))
        .filter((name) => name.includes('.changelog') || name.includes('.repartition'))
        .reduce((sum, name) => sum + sizeOf(join(folder, 'topics', name)), 0),
    async output() {
      const response = await fetch(`${url}/topics/${output}/records`, {
        headers: { accept: 'application/x-ndjson' },
      })
      return readLines(response)
    },
    stop: () => server.stop(),
  }
}

async function readLines(response: Response): Promise<unknown[]> {
  if (response.status === 404) return []
  const bytes = new Uint8Array(await response.arrayBuffer())
  const rows: unknown[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.lastIndexOf(10, Math.min(start + 2 ** 22, bytes.length) - 1) + 1
    for (const { value } of Bun.JSONL.parse(bytes.subarray(start, end)) as { value: unknown }[])
      rows.push(value)
    start = end
  }
  return rows
}

/** null: there is no such thing yet. */
async function ask<T>(url: string): Promise<T | null> {
  const response = await fetch(url)
  if (response.status === 404) return null
  if (!response.ok) throw new Error(`${url}: ${await response.text()}`)
  return (await response.json()) as T
}

async function createTopic(url: string, name: string): Promise<void> {
  const body = JSON.stringify({ name })
  const response = await fetch(`${url}/topics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  if (!response.ok) throw new Error(await response.text())
}

export async function send(url: string, lines: Uint8Array<ArrayBuffer>): Promise<void> {
  const headers = { 'content-type': 'application/x-ndjson' }
  const response = await fetch(url, { method: 'POST', headers, body: lines })
  if (!response.ok) throw new Error(await response.text())
  await response.arrayBuffer()
}

export function sizeOf(path: string): number {
  if (!existsSync(path)) return 0
  const found = statSync(path)
  if (!found.isDirectory()) return found.size
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}
