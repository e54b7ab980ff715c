// `pspf app diff | deploy | rollback | versions | remove`: another version of an app on a running node.
import type { AppChange, AppVersion, DeployAnswer } from '../answers.ts'
import type { Call, Command, Flag } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import { changeText } from '../output/change-text.ts'
import type { View } from '../output/output.ts'
import { harmless } from '../output/style.ts'
import { timeText } from '../output/text-forms.ts'
import { appPath } from '../routes.ts'
import { dryRun as dryRunFlag, yes as yesFlag } from './consent-flags.ts'

const answerView: View<DeployAnswer> = { name: ({ app }) => app, columns: [] }

async function bundleOf({ session, argument }: Call) {
  const { bundleApp } = await import('#node')
  const { workingDirectory, environment } = session.terminal
  return await bundleApp(argument('APP.ts'), { workingDirectory, environment })
}

/** `--replace a,b --replace c`: a name has no comma. */
const replaced = ({ texts }: Call): string[] =>
  texts('replace')
    .flatMap((names) => names.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '')

/** Exit code 4 where a deployment would be refused, so that a script can ask before it acts. */
async function diff(call: Call): Promise<number> {
  const { session } = call
  const { source, file } = await bundleOf(call)
  const replace = replaced(call)
  const answer = await session.client.ask<DeployAnswer>('/api/v1/apps', {
    method: 'POST',
    json: { source, file, replace, dryRun: true },
  })
  await show(call, answer, `version ${answer.version} of ${answer.app} would change`)
  const refused = answer.change.nodes.filter(({ what }) => what === 'refused')
  if (refused.length === 0) return exitCode.success
  const flags = refused.map(({ name }) => `--replace ${name}`)
  session.note(
    `it would be refused: compute anew what does not fit with ${[...new Set(flags)].join(' ')}, or give it another name`,
  )
  return exitCode.conflict
}

async function deploy(call: Call): Promise<number> {
  const { source, file } = await bundleOf(call)
  const answer = await call.session.client.ask<DeployAnswer>('/api/v1/apps', {
    method: 'POST',
    json: { source, file, replace: replaced(call) },
    waitMs: deployWaitMs,
    toItsEnd: true,
  })
  await show(call, answer, `deployed ${answer.app}, version ${answer.version}`)
  return exitCode.success
}

async function rollback(call: Call): Promise<number> {
  const id = call.argument('ID')
  const to = call.number('to')
  const dryRun = call.on('dry-run')
  const answer = await call.session.client.ask<DeployAnswer>(`${appPath(id)}/rollback`, {
    method: 'POST',
    json: { dryRun, ...(to === undefined ? {} : { to }) },
    waitMs: deployWaitMs,
    toItsEnd: !dryRun,
  })
  const what = dryRun ? `putting ${id} back would change` : `put ${id} back, as version ${answer.version}`
  await show(call, answer, what)
  return exitCode.success
}

/** A node loads the app, and waits until the old process has committed and the new one runs. */
const deployWaitMs = 60_000

async function show({ session }: Call, answer: DeployAnswer, title: string): Promise<void> {
  const { output } = session
  if (!output.forPeople) {
    await output.one(answer, answerView)
    return
  }
  const what = answer.unchanged ? `${answer.app} runs this already, as version ${answer.version}` : title
  await output.text(harmless(`${what}\n\n${changeText(answer.change, output)}`, true))
}

const versionView: View<AppVersion> = {
  name: ({ version }) => String(version),
  columns: [
    { title: 'version', of: ({ version }) => version, right: true },
    { title: 'deployed', of: ({ deployedAt }) => deployedAt, show: ({ deployedAt }) => timeText(deployedAt) },
    { title: 'file', of: ({ file }) => file },
    { title: 'restores', of: ({ restores }) => restores, right: true },
    { title: 'changed', of: ({ change }) => changedText(change) },
    { title: 'sha256', of: ({ sha256 }) => sha256, wide: true },
  ],
}

function changedText({ nodes }: AppVersion['change']): string {
  const told = nodes.filter(({ what }) => what !== 'kept' && what !== 'orphaned')
  return told.map(({ name, what }) => `${name} ${what}`).join(', ') || 'code only'
}

async function versions({ session, argument }: Call): Promise<number> {
  const id = argument('ID')
  const list = await session.client.ask<AppVersion[]>(`${appPath(id)}/versions`)
  await session.output.list(list, versionView)
  if (list.length === 0 && session.output.forPeople)
    session.note(`${id} was never deployed: pspf app deploy APP.ts`)
  return exitCode.success
}

async function reset({ session, argument, on }: Call): Promise<number> {
  const id = argument('ID')
  const dryRun = on('dry-run')
  session.confirm(`this deletes the state of ${id} and computes all of it anew from what its topics hold`, id)
  const json = { dryRun }
  const ask = { method: 'POST', json, waitMs: deployWaitMs, toItsEnd: !dryRun } as const
  const change = await session.client.ask<AppChange>(`${appPath(id)}/reset`, ask)
  const { output } = session
  const title = dryRun ? `a reset of ${id} would change` : `reset ${id}: it is computed anew`
  if (output.forPeople) await output.text(harmless(`${title}\n\n${changeText(change, output)}`, true))
  else await output.one(change, { name: ({ app }) => app, columns: [] })
  return exitCode.success
}

async function remove({ session, argument }: Call): Promise<number> {
  const id = argument('ID')
  session.confirm(`this stops ${id} for good; its topics and state stay`, id)
  await session.client.ask(appPath(id), { method: 'DELETE' })
  await session.output.done({ id, removed: true }, id, `removed ${id}; its topics and state are still there`)
  return exitCode.success
}

const fileArgument = { name: 'APP.ts', help: 'file of the app', completes: 'file' } as const
const appArgument = { name: 'ID', help: 'id of the app', completes: 'app' } as const
const replaceFlag: Flag = {
  name: 'replace',
  value: 'NODE',
  many: true,
  help: 'compute this node anew from the log, although it has state (again, or with commas, for more)',
}

export const deployCommands: readonly Command[] = [
  {
    path: ['app', 'diff'],
    summary: 'show what another version of an app would keep, add, compute anew and leave',
    details: 'Changes nothing. Exits with 4 where a deployment would be refused.',
    effect: 'read-only',
    arguments: [fileArgument],
    flags: [replaceFlag],
    examples: ['app diff shop.ts', 'app diff shop.ts --replace per-minute', 'app diff shop.ts -o json'],
    run: diff,
  },
  {
    path: ['app', 'deploy'],
    summary: 'put an app, or another version of it, on the running node',
    details:
      'The file is bundled with all it imports and kept in the log, so it runs again whenever the node does. ' +
      'State and positions of what is still there are kept; what is new reads its topics from the beginning.',
    effect: 'writes',
    arguments: [fileArgument],
    flags: [replaceFlag],
    examples: ['app deploy shop.ts', 'app deploy shop.ts --replace per-minute'],
    run: deploy,
  },
  {
    path: ['app', 'rollback'],
    summary: 'put an earlier version of an app back',
    effect: 'writes',
    arguments: [appArgument],
    flags: [
      { name: 'to', value: 'VERSION', number: true, help: 'default: the version before the current one' },
      dryRunFlag,
    ],
    examples: ['app rollback shop', 'app rollback shop --to 3 --dry-run'],
    run: rollback,
  },
  {
    path: ['app', 'versions'],
    summary: 'list the versions of an app that was deployed',
    effect: 'read-only',
    arguments: [appArgument],
    examples: ['app versions shop'],
    run: versions,
  },
  {
    path: ['app', 'reset'],
    summary: 'compute all of an app anew from what its topics hold',
    details: 'Deletes its state. Rows that it writes again come behind those that its topics have.',
    effect: 'destructive',
    arguments: [appArgument],
    flags: [yesFlag, dryRunFlag],
    examples: ['app reset shop --dry-run', 'app reset shop --yes'],
    run: reset,
  },
  {
    path: ['app', 'remove'],
    summary: 'stop a deployed app for good; what it computed stays',
    effect: 'destructive',
    arguments: [appArgument],
    flags: [yesFlag],
    examples: ['app remove shop --yes'],
    run: remove,
  },
]
