// `pspf test`: runs tests of apps, with nothing installed.
import type { Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'

async function test({ session, words, text, on }: Call): Promise<number> {
  const { runTests } = await import('#node')
  const { workingDirectory, environment, interrupted } = session.terminal
  const code = await runTests({
    files: words,
    filter: text('filter') ?? null,
    watch: on('watch'),
    workingDirectory,
    environment,
  })
  if (interrupted.aborted) return exitCode.interrupted
  return code === 0 ? exitCode.success : exitCode.invalid
}

export const testCommands: readonly Command[] = [
  {
    path: ['test'],
    summary: 'run the tests of apps: files ending in .test.ts',
    details:
      'Tests import test and expect from "bun:test", the app from its file, and harness from "pspf/testing", which runs it ' +
      'on a log in memory with a clock of its own. Nothing has to be installed. Ends with 7 if a test fails or there is none.',
    effect: 'read-only',
    arguments: [
      {
        name: 'FILES',
        help: 'files, or parts of their names',
        optional: true,
        many: true,
        completes: 'file',
      },
    ],
    flags: [
      { name: 'filter', value: 'PATTERN', help: 'only tests whose name matches' },
      { name: 'watch', help: 'run again when a file changes' },
    ],
    examples: ['test', 'test shop.test.ts --filter "late rows"'],
    run: test,
  },
]
