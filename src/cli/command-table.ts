// Every command, in the order in which help shows them.

import type { Command } from './command.ts'
import { appCommands } from './commands/app.ts'
import { backupCommands } from './commands/backup.ts'
import { consumeCommands } from './commands/consume.ts'
import { dashboardCommands } from './commands/dashboard.ts'
import { deployCommands } from './commands/deploy.ts'
import { devCommands } from './commands/dev.ts'
import { dlqCommands } from './commands/dlq.ts'
import { exampleCommands } from './commands/examples.ts'
import { groupCommands } from './commands/group.ts'
import { lockCommands } from './commands/lock.ts'
import { logCommands } from './commands/log.ts'
import { produceCommands } from './commands/produce.ts'
import { selfCommands } from './commands/self.ts'
import { serveCommands, serveFlags } from './commands/serve.ts'
import { stateCommands } from './commands/state.ts'
import { statusCommands } from './commands/status.ts'
import { tableCommands } from './commands/table.ts'
import { testCommands } from './commands/test.ts'
import { topicCommands } from './commands/topic.ts'

export const commands: readonly Command[] = [
  ...serveCommands,
  ...devCommands,
  ...produceCommands,
  ...consumeCommands,
  ...topicCommands,
  ...groupCommands,
  ...appCommands,
  ...tableCommands,
  ...deployCommands,
  ...lockCommands,
  ...dlqCommands,
  ...dashboardCommands,
  ...exampleCommands,
  ...testCommands,
  ...statusCommands,
  ...backupCommands,
  ...logCommands,
  ...stateCommands,
]

const takesSettings = ({ path }: Command): boolean => path[0] === 'serve' || path[0] === 'dev'

/**
 * The table for these words. The settings of `serve` come from the node, which is loaded only where they matter, so that
 * every other command starts without it.
 */
export async function tableFor(words: readonly string[]): Promise<readonly Command[]> {
  const needsServe = words.some((word) => word === 'serve' || word === 'dev' || word === 'help')
  const flags = needsServe ? await serveFlags() : []
  const table: readonly Command[] = [
    ...commands.map((command) => (takesSettings(command) ? { ...command, flags } : command)),
    ...selfCommands(() => table),
  ]
  return table
}
