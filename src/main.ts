// The program: everything is in cli, but for the child processes in which apps run.
import { main } from '#cli'
import { runAppProcess } from '#node'

/** How a node starts a process of its own executable for an app. Not a command: it takes no flags and no signals. */
const appProcessWord = '__app'

if (process.argv[2] === appProcessWord) {
  await runAppProcess(process.argv.slice(3), { pspf: await import('#sdk') })
} else {
  await main()
}
