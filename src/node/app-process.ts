// What an app's own process consists of: the runtime of streams, the real machine, and the dashboards the app declares.
import { realClock, realDisk, realRandom } from '#base'
import { dashboardsOf } from '#dashboards'
import { runAppProcess as run } from '#streams'

/** `modules`: what the user's file can import by name. `argv`: what follows the mode word on the command line. */
export function runAppProcess(
  argv: readonly string[],
  modules: Readonly<Record<string, object>>,
): Promise<void> {
  return run({
    argv,
    modules,
    extras: dashboardsOf,
    clock: realClock(),
    random: realRandom(),
    disk: realDisk(),
    rocksdb: process.env['PSPF_ROCKSDB'],
  })
}
