// `pspfctl status`: is the node well, and if not, what is not. Its exit code says it to scripts.
import { formatDuration, formatSize } from '#base'
import type { Health } from '../answers.ts'
import type { Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import type { Column, View } from '../output/output.ts'
import { rateText } from '../output/text-forms.ts'

const summary: View<Health> = {
  name: (health) => health.status,
  columns: [
    { title: 'status', of: (health) => health.status },
    { title: 'version', of: (health) => health.version },
    {
      title: 'uptimeSeconds',
      of: (health) => health.uptimeSeconds,
      show: (health) => formatDuration(health.uptimeSeconds * 1000),
    },
    { title: 'topics', of: (health) => health.topics.count },
    { title: 'records', of: (health) => health.topics.records },
    {
      title: 'sizeBytes',
      of: (health) => health.topics.sizeBytes,
      show: (health) => formatSize(health.topics.sizeBytes),
    },
    {
      title: 'apps',
      of: (health) => health.apps.count,
      show: ({ apps }) => `${apps.count} (${apps.running} running, ${apps.failed} failed)`,
    },
    {
      title: 'recordsInPerSecond',
      of: ({ throughput }) => throughput.recordsInPerSecond,
      show: ({ throughput }) => rateText(throughput.recordsInPerSecond),
    },
    {
      title: 'recordsOutPerSecond',
      of: ({ throughput }) => throughput.recordsOutPerSecond,
      show: ({ throughput }) => rateText(throughput.recordsOutPerSecond),
    },
    { title: 'viewers', of: (health) => health.connections.websocket },
  ],
}

const checkColumns: readonly Column<Health['checks'][number]>[] = [
  { title: 'check', of: (check) => check.name },
  { title: 'result', of: (check) => check.status },
  { title: 'detail', of: (check) => check.detail },
]

async function status({ session, on }: Call): Promise<number> {
  const health = await session.client.ask<Health>('/health', { alsoGood: 503 })
  await session.output.one(health, summary, `\n${session.output.table(health.checks, checkColumns)}`)
  const unwell = health.status === 'down' || (health.status === 'degraded' && on('strict'))
  return unwell ? exitCode.unhealthy : exitCode.success
}

export const statusCommands: readonly Command[] = [
  {
    path: ['ctl', 'status'],
    summary: 'show whether the node is well',
    details: 'Ends with 9 if the node is down; with --strict also if it is degraded.',
    effect: 'read-only',
    flags: [{ name: 'strict', help: 'warnings count as failures' }],
    examples: ['ctl status', 'ctl status --strict -o json'],
    run: status,
  },
]
