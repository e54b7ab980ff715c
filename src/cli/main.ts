// Where the process meets the commands.
import { run } from './run.ts'
import { realTerminal } from './terminal.ts'

/** Runs what the process was called with, and ends it. */
export async function main(): Promise<never> {
  process.exit(await run(realTerminal()))
}
