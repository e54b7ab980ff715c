// Peers that keep nothing: they read the file, compute, and write a file that nobody syncs. What they do not do costs time.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { kept, onBothCores, watch } from '../servers.ts'
import { linesInChunks } from './input-file.ts'
import type { Progress, Subject } from './subject.ts'

const cache = process.env['PSPF_PEERS'] ?? join(homedir(), '.cache', 'pspf-peers')
const peers = join(import.meta.dir, 'peers')
const promise = 'none: in memory, from a file into a file'

export function rxjs(folder: string): Subject {
  const home = join(cache, 'rxjs')
  return inMemory(folder, {
    name: 'RxJS',
    queries: ['q0', 'q1', 'q2'],
    installed: join(home, 'node_modules', 'rxjs'),
    command: (query, input, output) => [process.execPath, join(peers, 'rxjs.ts'), home, query, input, output],
  })
}

export function bytewax(folder: string): Subject {
  const python = join(cache, 'python', 'bin', 'python')
  return inMemory(folder, {
    name: 'Bytewax',
    queries: ['q0', 'q1', 'q2', 'q11'],
    installed: python,
    command: (query, input, output) => [python, join(peers, 'bytewax_flow.py'), query, input, output],
  })
}

type Wanted = {
  readonly name: string
  readonly queries: readonly string[]
  readonly installed: string
  readonly command: (query: string, input: string, output: string) => readonly string[]
}

function inMemory(folder: string, { name, queries, installed, command }: Wanted): Subject {
  let input = ''
  return {
    name,
    promise,
    queries,
    async prepare({ path }) {
      input = path
      return existsSync(installed) ? null : 'bench/nexmark/peers/install.sh gets it'
    },
    async run(query) {
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
      const output = join(folder, 'output.ndjson')
      const child = kept(
        Bun.spawn([...onBothCores, ...command(query, input, output)], {
          stdin: 'ignore',
          stdout: 'pipe',
          stderr: 'inherit',
        }),
      )
      const server = watch(child, folder, 0)
      let now: Progress = { position: 0, output: 0 }
      void (async () => {
        const decoder = new TextDecoder()
        for await (const part of child.stdout) {
          const last = decoder.decode(part).trim().split('\n').at(-1) ?? ''
          const [position = 0, written = 0] = last.split(' ').map(Number)
          now = { position, output: written }
        }
      })()
      return {
        progress: async () => now,
        cpuSeconds: server.cpuSeconds,
        peakMegabytes: server.peakMegabytes,
        stateBytes: async () => 0,
        async output() {
          const rows: unknown[] = []
          for await (const lines of linesInChunks(output))
            for (const row of Bun.JSONL.parse(lines)) rows.push(row)
          return rows
        },
        stop: async () => {
          child.kill('SIGKILL')
          await child.exited
        },
      }
    },
  }
}
