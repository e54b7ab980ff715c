// `pspf app lock`: writes or checks `topology.lock` beside the file of an app. Needs no node.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { BrokerError, systemCode } from '#base'
import type { Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import { lockChanges, topologyLock } from '../output/topology-lock.ts'

const lockName = 'topology.lock'

async function lock({ session, argument, on }: Call): Promise<number> {
  const { workingDirectory, environment } = session.terminal
  const { loadAppFile } = await import('#node')
  const { app, graph } = await loadAppFile(argument('APP.ts'), { workingDirectory, environment })
  const path = join(dirname(resolve(workingDirectory, argument('APP.ts'))), lockName)
  const wanted = topologyLock(graph)
  if (!on('check')) {
    writeFileSync(path, wanted)
    await session.output.done({ app, path }, app, `wrote ${path}`)
    return exitCode.success
  }
  const changes = lockChanges(readLock(path), wanted)
  if (changes.length > 0) {
    throw new BrokerError('conflict', `${lockName} does not say what ${app} is:\n${changes.join('\n')}`, {
      fix: 'if that is meant, write it anew with pspf app lock, and let the change be reviewed',
    })
  }
  await session.output.done({ app, path, unchanged: true }, app, `${path} says what ${app} is`)
  return exitCode.success
}

function readLock(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown
    throw new BrokerError('not_found', `there is no ${path}`, { fix: 'write it with pspf app lock' })
  }
}

export const lockCommands: readonly Command[] = [
  {
    path: ['app', 'lock'],
    summary: 'write what of an app lasts into topology.lock beside its file, for review',
    details:
      'Names and kinds of state, topics and their partitions. --check exits with 4 if the file says something else.',
    effect: 'writes',
    arguments: [{ name: 'APP.ts', help: 'file of the app', completes: 'file' }],
    flags: [{ name: 'check', help: 'only compare' }],
    examples: ['app lock shop.ts', 'app lock shop.ts --check'],
    run: lock,
  },
]
