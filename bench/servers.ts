// The systems under test, each started on a folder of its own on the same disk, on core 0; the load sits on core 1.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Server = {
  port: number
  /** Summed over the process and its children. */
  memory(): { residentMegabytes: number; anonymousMegabytes: number }
  /** The largest resident size so far. */
  peakMegabytes(): number
  cpuSeconds(): number
  /** What the device of the folder has written since it started: by everybody, so measure on a quiet machine. */
  writtenBytes(): number
  /** Removes its folder too unless that is to be kept. */
  stop(keepFolder?: boolean): Promise<void>
  /** As a crash would, its folder left as it is. */
  kill(): Promise<void>
}

const root = join(import.meta.dir, '..')
export const binary = join(root, 'dist', 'pspf')
export const onServerCore = ['taskset', '-c', '0']
export const onLoadCore = ['taskset', '-c', '1']
/** For what is load and subject in one process: as much as a server and its load have together. */
export const onBothCores = ['taskset', '-c', '0,1']

const children = new Set<Bun.Subprocess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

/** What was started does not outlive the bench, however that ends: it would sit on the next one's port. */
export function kept<Child extends Bun.Subprocess>(child: Child): Child {
  children.add(child)
  void child.exited.then(() => children.delete(child))
  return child
}

/** Runs one of the bench programs to its end, on the load's core unless told, and answers its JSON. */
export async function measure<T>(program: string, plan: unknown, on = onLoadCore): Promise<T> {
  const child = Bun.spawn([...on, process.execPath, join(import.meta.dir, program), JSON.stringify(plan)], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  kept(child)
  const text = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`${program} failed`)
  return JSON.parse(text.trim().split('\n').at(-1)!) as T
}

function descendants(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`
  const children = existsSync(path)
    ? readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number)
    : []
  return [pid, ...children.flatMap(descendants)]
}

function procSum(pid: number, read: (pid: number) => number): number {
  return descendants(pid).reduce((sum, one) => {
    try {
      return sum + read(one)
    } catch {
      return sum // it ended meanwhile
    }
  }, 0)
}

const field = (pid: number, file: string, name: string) =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? 0)

export function watch(child: Bun.Subprocess, folder: string, port: number): Server {
  const { pid } = child
  return {
    port,
    memory: () => ({
      residentMegabytes: procSum(pid, (one) => field(one, 'smaps_rollup', 'Pss')) / 1024,
      anonymousMegabytes: procSum(pid, (one) => field(one, 'status', 'RssAnon')) / 1024,
    }),
    peakMegabytes: () => procSum(pid, (one) => field(one, 'status', 'VmHWM')) / 1024,
    cpuSeconds: () =>
      procSum(pid, (one) => {
        const parts = readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1]!.split(' ')
        return (Number(parts[11]) + Number(parts[12])) / 100
      }),
    writtenBytes: () => deviceWrittenBytes(folder),
    async stop(keepFolder = false) {
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await child.exited
      clearTimeout(late)
      if (!keepFolder) rmSync(folder, { recursive: true, force: true })
    },
    async kill() {
      child.kill('SIGKILL')
      await child.exited
    },
  }
}

/**
 * `write_bytes` of the process would count whole page-cache folios (of up to a megabyte) for each record that is appended
 * to one: ten times what the device is given.
 */
export function deviceWrittenBytes(folder: string): number {
  const { dev } = statSync(folder)
  const major = (dev >> 8) & 0xfff
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00)
  const path = `/sys/dev/block/${major}:${minor}/stat`
  if (!existsSync(path)) return 0
  return Number(readFileSync(path, 'utf8').trim().split(/\s+/)[6]) * 512
}

async function untilReady(ask: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000
  while (performance.now() < deadline) {
    if (await ask().catch(() => false)) return
    await Bun.sleep(1)
  }
  throw new Error('a server did not become ready within 15 s')
}

export async function startPspf(
  folder: string,
  port: number,
  args: string[] = [],
): Promise<Server & { readyMs: number }> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return servePspf(folder, port, args)
}

/** On a folder as it is. */
export async function servePspf(
  folder: string,
  port: number,
  args: string[] = [],
  on: readonly string[] = onServerCore,
): Promise<Server & { readyMs: number }> {
  const began = performance.now()
  const child = Bun.spawn(
    [
      ...on,
      binary,
      'serve',
      '--http',
      `127.0.0.1:${port}`,
      '--data-dir',
      folder,
      '--log-level',
      'error',
      ...args,
    ],
    {
      stdout: 'ignore',
      stderr: 'ignore',
      cwd: folder,
    },
  )
  kept(child)
  await untilReady(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok)
  return { ...watch(child, folder, port), readyMs: performance.now() - began }
}

/** `always`: every write is synced before its answer, the same promise as ours. */
export async function startRedis(
  folder: string,
  port: number,
  appendfsync: 'always' | 'everysec' = 'always',
): Promise<Server> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const settings = {
    port: String(port),
    dir: folder,
    appendonly: 'yes',
    appendfsync,
    save: '',
    bind: '127.0.0.1',
    logfile: join(folder, 'redis.log'),
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  return startPeer(['redis-server', ...args], folder, port)
}

/** Where `peers.sh` puts what is no package of the system. */
export const natsServer = join(root, 'dist', 'peers', 'nats-server')

/** `always`: JetStream syncs after every message; `default`: every two minutes. */
export async function startNats(folder: string, port: number, sync: 'always' | 'default'): Promise<Server> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const settings = [
    `listen: "127.0.0.1:${port}"`,
    'max_payload: 8MB',
    'max_pending: 512MB',
    `jetstream { store_dir: "${folder}", max_file_store: 60GB${sync === 'always' ? ', sync_interval: always' : ''} }`,
  ]
  const configuration = join(folder, 'nats.conf')
  writeFileSync(configuration, settings.join('\n') + '\n')
  return startPeer([natsServer, '-c', configuration], folder, port)
}

async function startPeer(command: string[], folder: string, port: number): Promise<Server> {
  const child = Bun.spawn([...onServerCore, ...command], { stdout: 'ignore', stderr: 'ignore' })
  kept(child)
  await untilReady(async () => {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data: () => undefined } })
    socket.end()
    return true
  })
  return watch(child, folder, port)
}
