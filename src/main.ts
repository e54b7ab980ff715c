// The program: everything is in cli, but for the child processes in which apps run.
import { main } from '#cli'

/** How a node starts a process of its own executable for an app. Not a command: it takes no flags and no signals. */
const appProcessWord = '__app'

// What a command does not need is not loaded: most of them end within milliseconds.
if (process.argv[2] === appProcessWord) {
  const [{ runAppProcess }, pspf, testing] = await Promise.all([
    import('#node'),
    import('#sdk'),
    import('#streams/testing'),
  ])
  await runAppProcess(process.argv.slice(3), { pspf, 'pspf/testing': testing })
} else {
  await main()
}
