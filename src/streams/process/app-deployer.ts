// Puts apps on a running node: a bundle is tried in a process of its own, which says what it would change; only then it
// becomes a version in the log, and only then the running app is exchanged. A crash in between leaves the version before
// or the new one, never half of one.
//
//   trial (loads, previews) -> record in the log: the deployment has happened -> stop the old process, start the new one
import { join } from 'node:path'
import { BrokerError, type Clock, type Disk, type Logger, type Random, toError } from '#base'
import type { AppStatus, LogPort } from '../api.ts'
import { type AppChange, refusedNodes } from '../change/app-change.ts'
import type { Rebuild } from '../change/settle.ts'
import type { Environment } from './app-child.ts'
import type { AppSupervisor } from './app-supervisor.ts'
import { type Trial, tryApp } from './app-trial.ts'
import { type Deployment, type Deployments, packBundle } from './deployments.ts'

export type DeployRequest = {
  /** One JavaScript module with everything in it but `pspf` itself. */
  readonly source: string
  /** As its author calls it. */
  readonly file: string
  /** Names of nodes to be computed anew, although they have state. */
  readonly replace: readonly string[]
  /** Only say what would change. */
  readonly dryRun: boolean
}

export type RollbackRequest = {
  /** Default: the version before the current one. */
  readonly to?: number | undefined
  readonly dryRun: boolean
}

export type DeployAnswer = {
  readonly app: string
  /** The version that runs now, or would. */
  readonly version: number
  readonly dryRun: boolean
  /** That it is what runs already: nothing was done. */
  readonly unchanged: boolean
  readonly change: AppChange
}

export type AppDeployerOptions = {
  readonly supervisor: AppSupervisor
  readonly deployments: Deployments
  readonly port: LogPort
  /** Deletes the internal topics of an app that no task of it uses. */
  readonly deleteUnused: (app: string, status: AppStatus) => Promise<void>
  readonly clock: Clock
  readonly disk: Disk
  readonly random: Random
  readonly logger: Logger
  readonly dataDirectory: string
  readonly command: readonly string[]
  readonly environment: Environment
}

const encoder = new TextEncoder()

export class AppDeployer {
  readonly #options: AppDeployerOptions
  /** One after the other: each is compared with what the one before has left. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: AppDeployerOptions) {
    this.#options = options
  }

  /** Starts what was deployed; called once, when the node starts. */
  async startAll(): Promise<void> {
    const { deployments, supervisor, logger } = this.#options
    const start = async (deployment: Deployment) => {
      try {
        await supervisor.startProgram(deployment.app, await this.#program(deployment))
      } catch (error) {
        // The supervisor has said why it failed, and tries again.
        if (!(error instanceof BrokerError))
          logger.error({ app: deployment.app, err: toError(error) }, 'not started')
      }
    }
    await Promise.all((await deployments.current()).map(start))
  }

  versions(app: string): Promise<readonly Deployment[]> {
    return this.#options.deployments.versions(app)
  }

  /** Rejects with `app_failed` for a file that is no sound app, `conflict` where state does not fit: nothing has changed. */
  deploy(request: DeployRequest): Promise<DeployAnswer> {
    return this.#inTurn(async () => {
      const bundle = encoder.encode(request.source)
      await packBundle(bundle)
      const trial = await this.#try(bundle, { names: request.replace })
      return await this.#put(trial, bundle, request)
    })
  }

  /** Puts an earlier version back. What its nodes cannot use of the state there is, they compute anew. */
  rollback(app: string, { to, dryRun }: RollbackRequest): Promise<DeployAnswer> {
    return this.#inTurn(async () => {
      const target = await this.#earlier(app, to)
      const bundle = await this.#options.deployments.bundle(app, target.version)
      const trial = await this.#try(bundle, { names: [], misfits: true })
      return await this.#put(trial, bundle, {
        file: target.file,
        replace: [],
        dryRun,
        restores: target.version,
      })
    })
  }

  /**
   * Exchanges an app that runs from a file for what the file is now, with its state; what does not fit is computed anew.
   * Rejects with `app_failed` for a file that is no sound app: then what ran goes on.
   */
  reload(file: string): Promise<AppChange> {
    return this.#inTurn(async () => {
      const { port, supervisor } = this.#options
      const trial = await tryApp({
        ...this.#options,
        file,
        preview: { port, rebuild: { names: [], misfits: true } },
      })
      const { change, rebuild } = trial.preview!
      await supervisor.startProgram(trial.app, { file, version: null, rebuild })
      return change
    })
  }

  /** Computes all of an app anew from what its topics hold; what it kept before is deleted once the app runs again. */
  reset(app: string, { dryRun }: { readonly dryRun: boolean }): Promise<AppChange> {
    return this.#inTurn(async () => {
      const { port, supervisor, disk, dataDirectory } = this.#options
      const { file, version } = supervisor.get(app)
      const preview = { port, rebuild: { names: [], all: true } }
      const trial = await tryApp({ ...this.#options, file, preview })
      const { change, rebuild } = trial.preview!
      if (dryRun) return change
      const between = () => disk.remove(join(dataDirectory, 'apps', app, 'state'))
      await supervisor.startProgram(app, { file, version, rebuild }, between)
      await this.#options.deleteUnused(app, supervisor.get(app))
      return change
    })
  }

  /** What it has computed stays, and so do its versions: deployed again, it goes on where it was. */
  remove(app: string): Promise<void> {
    return this.#inTurn(async () => {
      const { supervisor, deployments } = this.#options
      refuseFileApp(app, supervisor.find(app))
      await supervisor.remove(app)
      await deployments.remove(app)
    })
  }

  async #earlier(app: string, to: number | undefined): Promise<Deployment> {
    const versions = await this.versions(app)
    const [current, ...others] = versions
    if (current === undefined) {
      throw new BrokerError('not_found', `app "${app}" was never deployed`, {
        fix: 'pspf app deploy APP.ts deploys it',
      })
    }
    // A version that was put back stands for the one it restores.
    const before = others.find(({ version }) => version < (current.restores ?? current.version))
    const found = to === undefined ? before : versions.find(({ version }) => version === to)
    if (found !== undefined) return found
    const known = versions.map(({ version }) => version).join(', ')
    throw new BrokerError(
      'not_found',
      `app "${app}" has no ${to === undefined ? 'earlier version' : `version ${to}`}`,
      {
        fix: `versions of it that are kept: ${known}`,
      },
    )
  }

  async #put(
    { app, preview }: Trial,
    bundle: Uint8Array,
    given: Pick<DeployRequest, 'file' | 'replace' | 'dryRun'> & { readonly restores?: number },
  ): Promise<DeployAnswer> {
    const { supervisor, deployments, clock, logger } = this.#options
    const { change, rebuild } = preview!
    const [current] = await deployments.versions(app)
    const version = await deployments.nextVersion(app)
    const sha256 = new Bun.CryptoHasher('sha256').update(bundle).digest('hex')
    const known = supervisor.find(app)
    refuseFileApp(app, known)
    const isSame = current?.sha256 === sha256 && known !== undefined && given.replace.length === 0
    if (isSame) return { app, version: current.version, dryRun: given.dryRun, unchanged: true, change }
    if (given.dryRun) return { app, version, dryRun: true, unchanged: false, change }
    refuseMisfits(change)
    const { file, restores } = given
    const deployment: Deployment = {
      app,
      version,
      file,
      deployedAt: clock.now(),
      sizeBytes: bundle.length,
      sha256,
      change,
      rebuild,
      ...(restores === undefined ? {} : { restores }),
    }
    await deployments.add(deployment, bundle)
    logger.info(
      { app, version, file },
      restores === undefined ? 'app deployed' : `app put back to version ${restores}`,
    )
    await supervisor.startProgram(app, await this.#program(deployment))
    return { app, version, dryRun: false, unchanged: false, change }
  }

  /** The bundle as a file: a copy of what the log has. */
  async #program({ app, version, rebuild }: Deployment) {
    const { deployments, disk, dataDirectory } = this.#options
    const directory = join(dataDirectory, 'apps', app, 'versions')
    const file = join(directory, `${version}.js`)
    disk.makeDirectory(directory)
    writeWhole(disk, file, await deployments.bundle(app, version))
    return { file, version, rebuild }
  }

  async #try(bundle: Uint8Array, rebuild: Omit<Rebuild, 'after'>) {
    const { disk, random, dataDirectory } = this.#options
    const directory = join(dataDirectory, 'apps', '.trial')
    const file = join(directory, `${random.id()}.js`)
    disk.makeDirectory(directory)
    writeWhole(disk, file, bundle)
    try {
      return await tryApp({ ...this.#options, file, preview: { port: this.#options.port, rebuild } })
    } finally {
      disk.remove(file)
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }
}

function writeWhole(disk: Disk, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, 'create')
  try {
    file.truncate(0)
    file.write(bytes, 0)
  } finally {
    file.close()
  }
}

function refuseFileApp(
  app: string,
  known: { readonly version: number | null; readonly file: string } | undefined,
): void {
  if (known === undefined || known.version !== null) return
  throw new BrokerError(
    'conflict',
    `app "${app}" runs from ${known.file}, which this node was started with`,
    {
      fix: 'start the node without that file, then deploy it; state and positions are kept',
    },
  )
}

function refuseMisfits(change: AppChange): void {
  const refused = refusedNodes(change)
  if (refused.length === 0) return
  const list = refused.map(({ name, why }) => `"${name}": ${why}`).join('; ')
  const flags = refused.map(({ name }) => `--replace ${name}`)
  throw new BrokerError('conflict', `state that is there does not fit, nothing was changed: ${list}`, {
    fix: `compute it anew from the log with ${[...new Set(flags)].join(' ')}, give it another name, or put it back as it was`,
  })
}
