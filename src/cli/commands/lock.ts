// `pspf app lock`: writes or checks `topology.lock` beside the file of an app. Needs no node.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { BrokerError, systemCode } from '#base'
import type { Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import { lockChanges, lockSection, topologyLock, withLockSection } from '../output/topology-lock.ts'

const lockName = 'topology.lock'

async function lock({ session, argument, on }: Call): Promise<number> {
  const { workingDirectory, environment } = session.terminal
  const { loadAppFile } = await import('#node')
  const { app, graph } = await loadAppFile(argument('APP.ts'), { workingDirectory, environment })
  const path = join(dirname(resolve(workingDirectory, argument('APP.ts'))), lockName)
  const wanted = topologyLock(graph)
  if (!on('check')) {
    writeFileSync(path, withLockSection(readLock(path) ?? '', app, wanted))
    await session.output.done({ app, path }, app, `wrote ${path}`)
    return exitCode.success
  }
  const file = readLock(path)
  if (file === null) {
    throw new BrokerError('not_found', `there is no ${path}`, { fix: 'write it with pspf app lock' })
  }
  const changes = lockChanges(lockSection(file, app), wanted)
  if (changes.length > 0) {
    throw new BrokerError('conflict', `${lockName} does not say what ${app} is:\n${changes.join('\n')}`, {
      fix: 'if that is meant, write it anew with pspf app lock, and let the change be reviewed',
    })
  }
  await session.output.done({ app, path, unchanged: true }, app, `${path} says what ${app} is`)
  return exitCode.success
}

/** Null: there is none. */
function readLock(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return null
    throw thrown
  }
}

export const lockCommands: readonly Command[] = [
  {
    path: ['app', 'lock'],
    summary: 'write what of an app lasts into topology.lock beside its file, for review',
    details:
      'Names and kinds of state, topics and their partitions. Apps in one folder have a section each. --check exits with 4 ' +
      'if that of the app says something else.',
    effect: 'writes',
    arguments: [{ name: 'APP.ts', help: 'file of the app', completes: 'file' }],
    flags: [{ name: 'check', help: 'only compare' }],
    examples: ['app lock shop.ts', 'app lock shop.ts --check'],
    run: lock,
  },
]
