// `pspf group ...`
import type { GroupSummary, ResetAnswer } from '../answers.ts'
import type { Argument, Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import type { Column, View } from '../output/output.ts'
import { groupPath } from '../routes.ts'
import { UsageError } from '../usage-error.ts'
import { dryRun, yes } from './consent-flags.ts'
import { parsePlace, placeText } from './place.ts'

type Position = GroupSummary['offsets'][number]

const summary: View<GroupSummary> = {
  name: (group) => group.id,
  columns: [
    { title: 'id', of: (group) => group.id },
    { title: 'topics', of: (group) => [...new Set(group.offsets.map(({ topic }) => topic))].join(' ') },
    { title: 'partitions', of: (group) => group.offsets.length, right: true },
    { title: 'lag', of: (group) => group.lag, right: true },
  ],
}

const positionColumns: readonly Column<Position>[] = [
  { title: 'topic', of: (row) => row.topic },
  { title: 'partition', of: (row) => row.partition, right: true },
  { title: 'offset', of: (row) => row.offset, right: true },
  { title: 'end', of: (row) => row.endOffset, right: true },
  { title: 'lag', of: (row) => row.lag, right: true },
]

async function list({ session }: Call): Promise<number> {
  const groups = await session.client.ask<GroupSummary[]>('/api/v1/groups')
  await session.output.list(groups, summary)
  return exitCode.success
}

async function describe({ session, argument }: Call): Promise<number> {
  const group = await session.client.ask<GroupSummary>(groupPath(argument('ID')))
  await session.output.one(group, summary, `\n${session.output.table(group.offsets, positionColumns)}`)
  return exitCode.success
}

type Move = ResetAnswer['changes'][number]

const moves: View<Move> = {
  name: (move) => `${move.topic}/${move.partition}`,
  columns: [
    { title: 'topic', of: (move) => move.topic },
    { title: 'partition', of: (move) => move.partition, right: true },
    { title: 'from', of: (move) => move.from, right: true },
    { title: 'to', of: (move) => move.to, right: true },
    { title: 'skipped', of: (move) => move.skipped, right: true },
    { title: 'replayed', of: (move) => move.replayed, right: true },
  ],
}

async function reset({ session, argument, text, number, on }: Call): Promise<number> {
  const id = argument('ID')
  const to = text('to')
  if (to === undefined)
    throw new UsageError('--to is missing', 'say where to: earliest, latest, an offset or an ISO time')
  session.confirm(`resetting group ${id} to ${to} moves what it reads next`, id)
  const { changes } = await session.client.ask<ResetAnswer>(`${groupPath(id)}/offsets`, {
    method: 'POST',
    json: {
      to: placeText(parsePlace(to, '--to')),
      topic: text('topic'),
      partition: number('partition'),
      dryRun: on('dry-run'),
    },
  })
  await session.output.list(changes, moves)
  session.note(on('dry-run') ? 'nothing was changed (--dry-run)' : `group ${id} was reset`)
  return exitCode.success
}

const groupArgument: Argument = { name: 'ID', help: 'id of the group', completes: 'group' }

export const groupCommands: readonly Command[] = [
  {
    path: ['group', 'list'],
    summary: 'list consumer groups and apps with their lag',
    effect: 'read-only',
    examples: ['group list', 'group list -o json'],
    run: list,
  },
  {
    path: ['group', 'describe'],
    summary: 'show the positions of a group',
    effect: 'read-only',
    arguments: [groupArgument],
    examples: ['group describe revenue'],
    run: describe,
  },
  {
    path: ['group', 'reset'],
    summary: 'move the positions of a group',
    effect: 'destructive',
    arguments: [groupArgument],
    flags: [
      {
        name: 'to',
        value: 'PLACE',
        help: 'earliest, latest, an offset or an ISO time',
        completes: ['earliest', 'latest'],
      },
      { name: 'topic', value: 'TOPIC', help: 'only in this topic', completes: 'topic' },
      { name: 'partition', short: 'p', value: 'N', number: true, help: 'only this partition' },
      dryRun,
      yes,
    ],
    examples: [
      'group reset revenue --to earliest --dry-run',
      'group reset revenue --to 2026-01-31T12:00:00Z --yes',
    ],
    run: reset,
  },
]
