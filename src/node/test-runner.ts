// `pspf test`: runs a user's tests with the runner that is in the executable anyway. Asked to (BUN_BE_BUN), the executable is
// that runner and nothing else; what tests import as `pspf` is laid beside it as a package for as long as they run.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { BrokerError } from '#base'
import { library, samples } from '#embedded'

export type TestWishes = {
  /** Files or parts of their names; none: every `*.test.ts` below the working directory. */
  readonly files: readonly string[]
  /** Only tests whose name matches. */
  readonly filter: string | null
  /** Again whenever a file changes, until it is interrupted. */
  readonly watch: boolean
  readonly workingDirectory: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Answers the exit code of the runner: 0 if every test passed. Its output goes where this process writes. Throws
 * `invalid_request` if the files have no test.
 */
export async function runTests(wishes: TestWishes): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'pspf-test-'))
  try {
    const preload = layOut(directory)
    // Written by the runner if there was any test: it is content with files that have none.
    const report = join(directory, 'report.xml')
    const { files, filter, watch, workingDirectory, environment } = wishes
    const runner = Bun.spawn(
      [
        process.execPath,
        'test',
        // A package that is not there is a mistake of the file, not a wish to fetch something.
        '--no-install',
        '--preload',
        preload,
        ...(watch ? ['--watch'] : ['--reporter=junit', `--reporter-outfile=${report}`]),
        ...(filter === null ? [] : ['--test-name-pattern', filter]),
        ...files,
      ],
      {
        cwd: workingDirectory,
        env: { ...environment, BUN_BE_BUN: '1' },
        stdio: ['inherit', 'inherit', 'inherit'],
      },
    )
    const code = await runner.exited
    if (code === 0 && !watch && !existsSync(report)) {
      throw new BrokerError('invalid_request', 'there is no test in these files', {
        fix: 'test("what is true", ...) from "bun:test" makes one',
      })
    }
    return code
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Writes the package and what makes it importable by name; answers the path of the latter. */
function layOut(directory: string): string {
  const write = (from: string, path: string) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), readFileSync(from))
  }
  for (const { path, file } of library) write(file, path)
  for (const [name, file] of Object.entries(samples)) write(file, join('samples', name))
  const preload = join(directory, 'preload.js')
  writeFileSync(preload, provide)
  return preload
}

/** As in an app's own process: the same names, the same classes for the tests and the app. */
const provide = `
import { plugin } from 'bun'
import * as pspf from './sdk/index.js'
import * as testing from './streams/testing/index.js'
plugin({
  name: 'pspf',
  setup(build) {
    build.module('pspf', () => ({ exports: { ...pspf }, loader: 'object' }))
    build.module('pspf/testing', () => ({ exports: { ...testing }, loader: 'object' }))
  },
})
`
