// Where the process meets the commands.
import { run } from './run.ts'
import { realTerminal } from './terminal.ts'

/** How a node starts a child of its own executable for an app. Not a command: it takes no flags and no signals. */
const appProcessWord = '__app'

/** Runs what the process was called with, and ends it. */
export async function main(): Promise<never> {
  if (process.argv[2] === appProcessWord) {
    const node = await import('#node')
    await node.runAppProcess()
    process.exit(0)
  }
  process.exit(await run(realTerminal()))
}
