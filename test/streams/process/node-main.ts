// A node of nothing but a supervisor, for tests that kill it: prints the pid of the app's process, then lives on.
import { Metrics, realClock, realRandom, silentLogger } from '#base'
import { AppSupervisor } from '../../../src/streams/process/app-supervisor.ts'
import { memoryBroker } from '../../broker/fixture.ts'

const [file, dataDirectory] = process.argv.slice(2) as [string, string]
const { broker } = await memoryBroker()
const supervisor = new AppSupervisor({
  broker,
  clock: realClock(),
  random: realRandom(),
  logger: { ...silentLogger, info: (_, line) => console.log(line) },
  metrics: new Metrics(),
  dataDirectory,
  environment: process.env,
  command: [process.execPath, `${import.meta.dir}/child-main.ts`],
})
// The app prints its pid; it may never run.
supervisor.start(file).catch(() => undefined)
