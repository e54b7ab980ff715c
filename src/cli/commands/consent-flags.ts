// Flags of commands that change or destroy something.
import type { Flag } from '../command.ts'

export const yes: Flag = { name: 'yes', short: 'y', help: 'do it without asking' }
export const dryRun: Flag = { name: 'dry-run', help: 'say what would be done, and do nothing' }
