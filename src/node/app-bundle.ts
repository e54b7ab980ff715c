// An app's file with everything it imports as one module, ready to be put on a node. Before that, the file is loaded in a
// process of its own, so that its mistakes are told with the author's own lines.
import { basename, resolve } from 'node:path'
import { BrokerError, realClock, silentLogger, toError } from '#base'
import { type GraphDescription, tryApp } from '#streams'
import { childCommand } from './app-command.ts'
import { existingFile } from './app-files.ts'

export type AppBundle = {
  readonly app: string
  readonly graph: GraphDescription
  /** One JavaScript module; `pspf` stays an import. */
  readonly source: string
  readonly file: string
}

/** What an app finds in the executable that runs it. */
const provided = ['pspf', 'pspf/testing']

export type BundleOptions = {
  readonly workingDirectory: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Throws `app_failed` with place and code frame for a file that is no sound app. */
export async function bundleApp(file: string, options: BundleOptions): Promise<AppBundle> {
  const { app, graph } = await loadAppFile(file, options)
  const { source } = await bundleFile(resolve(options.workingDirectory, file))
  return { app, graph, source, file: basename(file) }
}

/** Loads the file and says what it is, without running it. */
export async function loadAppFile(file: string, { workingDirectory, environment }: BundleOptions) {
  return await tryApp({
    file: existingFile(resolve(workingDirectory, file)),
    dataDirectory: workingDirectory,
    command: childCommand(),
    environment,
    clock: realClock(),
    logger: silentLogger,
    preview: null,
  })
}

/** `inputs`: the files it was made of, absolute. */
export async function bundleFile(path: string): Promise<{ source: string; inputs: string[] }> {
  try {
    const built = await Bun.build({
      entrypoints: [path],
      external: provided,
      target: 'bun',
      format: 'esm',
      metafile: true,
    })
    const inputs = Object.keys(built.metafile?.inputs ?? {}).map((input) => resolve(input))
    return { source: await built.outputs[0]!.text(), inputs }
  } catch (thrown) {
    const reasons = thrown instanceof AggregateError ? thrown.errors.map(String) : [toError(thrown).message]
    throw new BrokerError('app_failed', `${path} cannot be bundled: ${reasons.join('; ')}`, { cause: thrown })
  }
}
