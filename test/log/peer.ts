// Other logs that acknowledge records, as the torture sees them: how each is started, appended to and read back. Named with
// their settings, since these decide what an acknowledgement is worth.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { connectNats } from './nats-client.ts'

export type PeerClient = {
  /** Resolves when the peer acknowledges the value; rejects when it refuses. */
  append(value: string): Promise<void>
  /** Everything that is there. */
  values(): Promise<string[]>
  close(): void
}

export type Peer = {
  readonly settings: string
  readonly program: string
  command(directory: string, port: number): string[]
  /** Fails as long as the peer is not ready. */
  connect(port: number): Promise<PeerClient>
}

const natsServer = join(import.meta.dir, '..', '..', 'dist', 'peers', 'nats-server')

export const peers: Record<string, Peer> = {
  redis: redis('always'),
  'redis-weak': redis('everysec'),
  nats: nats('always'),
  'nats-weak': nats('2m'),
}

/** Why a peer cannot be tortured here, or null. */
export function missingPeer({ program }: Peer): string | null {
  const found = program.startsWith('/') ? existsSync(program) : Bun.which(program) !== null
  return found ? null : `${program} is missing: sh bench/peers.sh`
}

function redis(appendfsync: 'always' | 'everysec'): Peer {
  return {
    settings: `Redis Streams, appendonly yes, appendfsync ${appendfsync}`,
    program: 'redis-server',
    command: (directory, port) => {
      const settings = { port, dir: directory, appendonly: 'yes', appendfsync, save: '', bind: '127.0.0.1' }
      const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
      return ['redis-server', ...flags]
    },
    connect: connectRedis,
  }
}

async function connectRedis(port: number): Promise<PeerClient> {
  const options = { autoReconnect: false, enableOfflineQueue: false }
  const client = new Bun.RedisClient(`redis://127.0.0.1:${port}`, options)
  await client.connect()
  await client.send('PING', [])
  return {
    async append(value) {
      await client.send('XADD', ['torture', '*', 'v', value])
    },
    async values() {
      const entries = (await client.send('XRANGE', ['torture', '-', '+'])) as [string, [string, string]][]
      return entries.map(([, [, value]]) => value)
    },
    close: () => client.close(),
  }
}

/** Two minutes are its default. */
function nats(syncInterval: 'always' | '2m'): Peer {
  return {
    settings: `NATS JetStream, file storage, one replica, sync_interval ${syncInterval}`,
    program: natsServer,
    command: (directory, port) => {
      const store = `jetstream { store_dir: "${directory}", max_file_store: 1GB, sync_interval: ${syncInterval} }`
      const text = `listen: "127.0.0.1:${port}"\nmax_pending: 512MB\n${store}\n`
      return ['sh', '-c', 'printf %s "$1" > "$2.conf" && exec "$0" -c "$2.conf"', natsServer, text, directory]
    },
    connect: connectNats,
  }
}
