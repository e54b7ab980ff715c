// `pspf serve`: runs a node in this process until it is told to stop. The node reads its settings by itself; what was
// written on the command line goes to it as it is.
import { BrokerError, sleep } from '#base'
import type { RunningNode } from '#node'
import type { Call, Command, Flag } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import { globalFlags } from '../global-flags.ts'
import { bannerText } from '../output/banner.ts'
import type { Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'

/** A stop that takes longer is given up: whatever was acknowledged is on disk anyway. */
const stopMsMax = 30_000

/** The node's settings as flags: its table is the only one. */
export async function serveFlags(): Promise<readonly Flag[]> {
  const { serveSettings } = await import('#node')
  return serveSettings.map((setting): Flag => {
    return {
      name: setting.flag,
      env: setting.env,
      help: setting.help,
      ...(setting.value === null ? {} : { value: setting.value }),
      ...(setting.fallback === null ? {} : { fallback: setting.fallback }),
      ...(/FILE|DIR/.test(setting.value ?? '') ? { completes: 'file' as const } : {}),
    }
  })
}

const serve = (call: Call): Promise<number> => runNode(call, () => () => undefined)

/** Runs a node until it is told to stop. `started` may do more with it, and answers how to end that. */
export async function runNode(
  { session, words, flags }: Pick<Call, 'session' | 'words' | 'flags'>,
  started: (node: RunningNode) => () => void,
): Promise<number> {
  const { terminal } = session
  const { startNode, version } = await import('#node')
  const own = new Set((await serveFlags()).map((flag) => flag.name))
  const given = [...flags].filter(
    ([name]) => own.has(name) || !globalFlags.some((flag) => flag.name === name),
  )
  const node = await startNode({
    apps: words,
    flags: Object.fromEntries(given.map(([name, values]) => [name, values.at(-1) ?? true])),
    environment: terminal.environment,
    workingDirectory: terminal.workingDirectory,
  }).catch(asUsage)
  terminal.err(
    bannerText(
      { version, url: node.url, facts: node.facts, readyMs: terminal.clock.monotonic() },
      session.paint,
    ),
  )
  if (node.open && node.url !== null) openBrowser(session, node.url)
  const end = started(node)
  const broken = await Promise.race([untilInterrupted(terminal.interrupted), node.broken])
  end()
  const code = await stop(session, node)
  if (!broken) return code
  terminal.err(`error: ${broken.message}\n`)
  return exitCode.failure
}

/** A setting that cannot be meant is a mistake of the command line, wherever it was written. */
function asUsage(thrown: unknown): never {
  if (thrown instanceof BrokerError && thrown.code === 'invalid_request') {
    throw new UsageError(thrown.message, thrown.fix ?? 'see pspf serve --help')
  }
  throw thrown
}

function untilInterrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function stop(session: Session, node: { stop(): Promise<void> }): Promise<number> {
  const { clock } = session.terminal
  session.note('stopping; once more ends at once')
  const late = new AbortController()
  const stopped = node.stop().then(() => true)
  const inTime = await Promise.race([stopped, sleep(clock, stopMsMax, late.signal).then(() => false)])
  late.abort()
  if (inTime) return exitCode.success
  session.terminal.err(`error: not stopped within ${stopMsMax / 1000} s; what was acknowledged is on disk\n`)
  return exitCode.failure
}

/** Asks the desktop to show the UI. Where there is none, the banner has the address. */
function openBrowser(session: Session, url: string): void {
  const commands: Record<string, string[]> = {
    darwin: ['open', url],
    win32: ['cmd', '/c', 'start', '', url],
  }
  try {
    Bun.spawn(commands[process.platform] ?? ['xdg-open', url], {
      stdout: 'ignore',
      stderr: 'ignore',
      stdin: 'ignore',
    }).unref()
  } catch {
    session.note(`no browser could be opened: go to ${url}`)
  }
}

export const serveCommands: readonly Command[] = [
  {
    path: ['serve'],
    summary: 'run a node, and the apps in these files',
    details:
      'Every flag has an environment twin and a key in pspf.yaml; the flag wins, then the environment, then the file.',
    effect: 'runs',
    arguments: [
      { name: 'APP.ts', help: 'stream apps to run', optional: true, many: true, completes: 'file' },
    ],
    examples: [
      'serve',
      'serve --demo --open',
      'serve revenue.ts --data-dir /var/lib/pspf --http 127.0.0.1:8080',
    ],
    run: serve,
  },
]
