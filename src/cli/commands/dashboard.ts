// `pspf dashboard ...`
import type { DashboardSpec } from '../answers.ts'
import type { Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import type { View } from '../output/output.ts'

const summary: View<DashboardSpec> = {
  name: (dashboard) => dashboard.id,
  columns: [
    { title: 'id', of: (dashboard) => dashboard.id },
    { title: 'title', of: (dashboard) => dashboard.title },
    { title: 'app', of: (dashboard) => dashboard.app },
    { title: 'widgets', of: (dashboard) => dashboard.widgets.length, right: true },
    { title: 'description', of: (dashboard) => dashboard.description, wide: true },
  ],
}

async function list({ session }: Call): Promise<number> {
  const dashboards = await session.client.ask<DashboardSpec[]>('/api/v1/dashboards')
  await session.output.list(dashboards, summary)
  return exitCode.success
}

export const dashboardCommands: readonly Command[] = [
  {
    path: ['dashboard', 'list'],
    summary: 'list dashboards',
    effect: 'read-only',
    examples: ['dashboard list', 'dashboard list -o json'],
    run: list,
  },
]
