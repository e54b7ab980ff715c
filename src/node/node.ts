// The composition root: reads the settings, opens the parts from the bottom up, stops them from the top down.
//
//   lock -> disk -> log -> broker -> apps, dashboards, hub -> http -> app processes
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  BrokerError,
  createLogger,
  type DirectoryLock,
  type Disk,
  formatSize,
  type Logger,
  lockDirectory,
  Metrics,
  realClock,
  realDisk,
  realRandom,
  toError,
} from '#base'
import { type Broker, openBroker } from '#broker'
import { DashboardRegistry, type DashboardSpec, LiveHub } from '#dashboards'
import { uiFiles, version } from '#embedded'
import { type Asset, createHttpServer, type HttpServer, hashToken } from '#http'
import { type OpenLog, openLog, refuseBackup, threadedCompaction } from '#log'
import {
  type AppChange,
  AppDeployer,
  AppSupervisor,
  brokerPort,
  DeadLetters,
  Deployments,
  deleteUnused,
  NodeTables,
} from '#streams'
import { childCommand } from './app-command.ts'
import { distinctFiles, existingFile } from './app-files.ts'
import { Backups } from './backups.ts'
import { limitsWithin } from './disk-max.ts'
import { writeDemoApps } from './examples.ts'
import { NodeHealth } from './facts.ts'
import { machineMemoryBytes } from './memory-max.ts'
import { readSettings, type SettingSources, type Settings } from './settings.ts'
import { bytesOfShare } from './share.ts'

export type NodeOptions = SettingSources & {
  /** App files to run, relative to the working directory. */
  readonly apps: readonly string[]
  /** Where log lines go; default: standard output. */
  readonly writeLog?: (line: string) => void
  /** Whether log lines go to a person; default: whether standard output is a terminal. */
  readonly isTerminal?: boolean
}

export type RunningNode = {
  /** null: no HTTP listener. */
  readonly url: string | null
  readonly broker: Broker
  readonly dashboards: DashboardRegistry
  /** For the banner: where things are and what holds. */
  readonly facts: readonly (readonly [label: string, value: string])[]
  /** Exchanges an app for what its file is now; rejects if that does not load, and what ran goes on. */
  reload(file: string): Promise<AppChange>
  /** Whether a browser was asked for. */
  readonly open: boolean
  /** Resolves if an invariant breaks: the node has to be stopped and its cause reported. */
  readonly broken: Promise<Error>
  /** Ends requests and apps, writes a checkpoint, marks the log clean. */
  stop(): Promise<void>
}

export const durability = 'fsync: acknowledged means on disk'

/** Throws `invalid_request` for settings, `conflict` for a data directory or port in use, `corrupt` for damage. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const settings = readSettings(options)
  const files = options.apps.map((file) => existingFile(resolve(options.workingDirectory, file)))
  const clock = realClock()
  const logger = openLogger(settings, options)
  const disk = realDisk()
  // Even a lock would change it.
  refuseBackup(disk, settings.dataDirectory)
  const lock = lockDirectory(settings.dataDirectory, clock.now())
  let log: OpenLog | undefined
  try {
    const parts = { disk, clock, random: realRandom(), logger, metrics: new Metrics() }
    const maxBytes = bytesOfShare(settings.diskMax, disk.space(settings.dataDirectory).totalBytes)
    log = await openLog({
      ...parts,
      ...limitsWithin(maxBytes),
      logger: logger.child({ component: 'log' }),
      directory: settings.dataDirectory,
      compaction: threadedCompaction(disk),
    })
    const broker = await openBroker({
      ...parts,
      log,
      logger: logger.child({ component: 'broker' }),
      diskMaxBytes: maxBytes,
    })
    return await compose({ ...parts, settings, files, lock, log, broker })
  } catch (error) {
    await log?.close()
    disk.close()
    lock.release()
    throw error
  }
}

type Parts = {
  readonly settings: Settings
  readonly files: readonly string[]
  readonly lock: DirectoryLock
  readonly disk: Disk
  readonly clock: ReturnType<typeof realClock>
  readonly random: ReturnType<typeof realRandom>
  readonly logger: Logger
  readonly metrics: Metrics
  readonly log: OpenLog
  readonly broker: Broker
}

async function compose(parts: Parts): Promise<RunningNode> {
  const { settings, disk, logger, log, broker } = parts
  const apps = new AppSupervisor({
    ...parts,
    logger: logger.child({ component: 'apps' }),
    dataDirectory: settings.dataDirectory,
    command: childCommand(),
    environment: process.env,
    limits: { memoryBytesMax: bytesOfShare(settings.memory, machineMemoryBytes()) },
  })
  const deployer = new AppDeployer({
    ...parts,
    supervisor: apps,
    deployments: new Deployments(broker),
    port: brokerPort(broker),
    deleteUnused: (app, status) => deleteUnused(broker, app, status),
    logger: logger.child({ component: 'apps' }),
    dataDirectory: settings.dataDirectory,
    command: childCommand(),
    environment: process.env,
  })
  const dashboards = new DashboardRegistry()
  const declared = (app: string, extras: unknown) => dashboards.set(app, extras as DashboardSpec[])
  apps.onDeclared(declared)
  const breaking = Promise.withResolvers<Error>()
  const backups = new Backups({
    ...parts,
    logger: logger.child({ component: 'backups' }),
    dataDirectory: settings.dataDirectory,
    version,
    openDisk: realDisk,
  })
  const web = settings.http
    ? await openWeb({
        ...parts,
        apps,
        deployer,
        backups,
        dashboards,
        http: settings.http,
        onBroken: breaking.resolve,
      })
    : null

  const demos = settings.demo ? writeDemoApps(settings.dataDirectory) : []
  const files = distinctFiles([...parts.files, ...demos])
  const starting = Promise.all([...files.map((file) => startOne(apps, file, logger)), deployer.startAll()])

  const stop = async () => {
    web?.drain()
    await apps.close()
    await starting
    await backups.close()
    await web?.server.stop()
    await broker.close()
    await log.close()
    disk.close()
    parts.lock.release()
    logger.info({ component: 'node' }, 'stopped')
  }
  let stopped: Promise<void> | null = null
  return {
    url: web?.server.url ?? null,
    broker,
    dashboards,
    facts: bannerFacts(parts, files),
    reload: (file) => deployer.reload(file),
    open: settings.open,
    broken: breaking.promise,
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}

type WebParts = Parts & {
  readonly apps: AppSupervisor
  readonly deployer: AppDeployer
  readonly backups: Backups
  readonly dashboards: DashboardRegistry
  readonly http: NonNullable<Settings['http']>
  onBroken(error: Error): void
}

async function openWeb(parts: WebParts): Promise<{ server: HttpServer; drain(): void }> {
  const { settings, disk, logger, log, broker, apps, deployer, backups, dashboards, http, onBroken } = parts
  let server: HttpServer | null = null
  const hub = new LiveHub({
    ...parts,
    logger: logger.child({ component: 'live' }),
    node: {
      version,
      durability,
      memoryBytes: () =>
        apps.list().reduce((sum, { memoryBytes }) => sum + memoryBytes, process.memoryUsage.rss()),
      disk: () => disk.space(settings.dataDirectory),
      logState: () => log.state,
      recovery: log.report,
    },
    publish: (channel, text) => server?.publish(channel, text),
  })
  const health = new NodeHealth({
    ...parts,
    dataDirectory: settings.dataDirectory,
    version,
    sockets: () => hub.viewers,
    throughput: () => {
      const { recordsIn, bytesIn, recordsOut } = hub.totalRates()
      return { recordsInPerSecond: recordsIn, bytesInPerSecond: bytesIn, recordsOutPerSecond: recordsOut }
    },
  })
  server = await createHttpServer({
    ...parts,
    ...http,
    logger: logger.child({ component: 'http' }),
    broker,
    apps,
    deployer,
    backups,
    deadLetters: new DeadLetters(parts),
    tables: new NodeTables(apps),
    dashboards,
    widgets: hub,
    hub,
    facts: {
      health: (options) => health.health(options),
      live: () => health.live(),
      ready: () => health.ready(),
      started: () => health.started(),
      overview: () => hub.overview(),
      rates: (topic) => hub.rates(topic),
      config: () => redacted(settings),
    },
    version,
    assets: new Map(uiFiles.map((file) => [`/${file.path}`, assetOf(file)])),
    security: {
      tokens: settings.token
        ? [{ name: 'PSPF_TOKEN', role: 'admin', sha256: hashToken(settings.token) }]
        : [],
    },
    onBroken,
  })
  health.accepting = true
  logger.info({ component: 'node', url: server.url }, 'listening')
  return {
    server,
    drain: () => {
      health.accepting = false
    },
  }
}

function assetOf({ file, gzip, contentType, immutable }: (typeof uiFiles)[number]): Asset {
  return { file, gzip: readFileSync(gzip), contentType, hashed: immutable }
}

/** An app that does not start is shown and tried again, and the supervisor has said why; the node serves on. */
async function startOne(apps: AppSupervisor, file: string, logger: Logger): Promise<void> {
  try {
    await apps.start(file)
  } catch (thrown) {
    if (!(thrown instanceof BrokerError))
      logger.error({ component: 'apps', file, err: toError(thrown) }, 'an app was not started')
  }
}

function openLogger(settings: Settings, { writeLog, isTerminal }: NodeOptions): Logger {
  const person = isTerminal ?? process.stdout.isTTY === true
  const format = settings.logFormat === 'auto' ? (person ? 'pretty' : 'json') : settings.logFormat
  const write = writeLog ?? ((line: string) => void process.stdout.write(line))
  return createLogger({ level: settings.logLevel, format, write, colour: person })
}

function redacted(settings: Settings): unknown {
  const { token, ...rest } = settings
  return { ...rest, token: token === null ? null : '(set)' }
}

function bannerFacts({ settings, log, disk }: Parts, files: readonly string[]): [string, string][] {
  const { freeBytes } = disk.space(settings.dataDirectory)
  const { clean, framesReplayed, bytesCut, quarantined, tookMs } = log.report
  const cut = bytesCut > 0 ? `, ${formatSize(bytesCut)} never acknowledged cut` : ''
  return [
    ['Data', `${settings.dataDirectory} (${formatSize(freeBytes)} free)`],
    ['Durability', durability],
    ...(clean
      ? []
      : [['Recovered', `${framesReplayed} frames in ${Math.round(tookMs)} ms${cut}`] as [string, string]]),
    ...(quarantined.length === 0
      ? []
      : [
          ['Damaged', quarantined.map(({ topic, partition }) => `${topic}-${partition}`).join(', ')] as [
            string,
            string,
          ],
        ]),
    ...(files.length === 0 ? [] : [['Apps', files.join(', ')] as [string, string]]),
    ...(settings.token === null ? [] : [['Token', 'required'] as [string, string]]),
  ]
}
