// What src/main.ts does for `__app`, for tests that run from source.
import { realClock, realDisk, realRandom } from '#base'
import * as streams from '#streams'
import { runAppProcess } from '../../../src/streams/process/app-process.ts'

await runAppProcess({
  argv: process.argv.slice(2),
  extras: (app) => ({ dashboards: [], of: app.id }),
  modules: { pspf: streams },
  clock: realClock(),
  random: realRandom(),
  disk: realDisk(),
})
