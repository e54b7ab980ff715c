// `pspf dev`: a node with one app that is exchanged whenever its file, or one that it imports, is saved. State is kept; what
// does not fit any more is computed anew, and said. A file that does not load changes nothing.
import { relative, resolve } from 'node:path'
import { toError } from '#base'
import type { Call, Command } from '../command.ts'
import { describeFailure } from '../failure.ts'
import { changeText } from '../output/change-text.ts'
import { harmless } from '../output/style.ts'
import { runNode } from './serve.ts'

const devDirectory = '.pspf-dev'

async function dev(call: Call): Promise<number> {
  const { session, flags } = call
  const { workingDirectory, environment } = session.terminal
  const hasDirectory = flags.has('data-dir') || environment['PSPF_DATA_DIR'] !== undefined
  const given = hasDirectory ? flags : new Map([...flags, ['data-dir', [devDirectory]] as const])
  const file = resolve(workingDirectory, call.argument('APP.ts'))
  const { bundleFile, watchFiles } = await import('#node')
  let inputs: readonly string[] = [file]
  const look = async () => {
    // While it has a mistake, what it was made of before is watched.
    const found = await bundleFile(file).catch(() => null)
    if (found !== null) inputs = [file, ...found.inputs]
  }
  await look()
  return await runNode({ ...call, flags: given, words: [file] }, (node) => {
    session.note(`watching ${file}: save it, and it is exchanged with its state kept`)
    let turn = Promise.resolve()
    return watchFiles(
      () => inputs,
      (changed) => {
        turn = turn.then(async () => {
          await look()
          await exchange(call, { changed, reload: () => node.reload(file) })
        })
      },
    )
  })
}

type Exchange = {
  readonly changed: string
  reload(): ReturnType<Parameters<Parameters<typeof runNode>[1]>[0]['reload']>
}

async function exchange({ session }: Call, { changed, reload }: Exchange): Promise<void> {
  const { terminal, output, paint } = session
  try {
    const change = await reload()
    terminal.err(
      harmless(
        `\n${relative(terminal.workingDirectory, changed)} was saved\n\n${changeText(change, output)}\n`,
        true,
      ),
    )
  } catch (thrown) {
    const failure = describeFailure(toError(thrown), { json: false, paint })
    terminal.err(`\n${failure}what ran goes on\n`)
  }
}

export const devCommands: readonly Command[] = [
  {
    path: ['dev'],
    summary: 'run an app while it is written: saved, it is exchanged with its state kept',
    details:
      `Runs a node of its own with its data in ./${devDirectory}. Watches the file and what it imports. State that does not fit any ` +
      'more is computed anew from the log; a file with a mistake leaves running what ran. Takes the flags of serve.',
    effect: 'runs',
    arguments: [{ name: 'APP.ts', help: 'stream app to run', completes: 'file' }],
    examples: ['dev shop.ts'],
    run: dev,
  },
]
