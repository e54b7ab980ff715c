// The pieces pages are made of: cards, badges, empty states, skeletons, key figures.
import type { ComponentChildren, JSX } from 'preact'
import type { ApiProblem } from '../api/client.ts'
import { Icon, type IconName } from './icon.tsx'

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'idle'

export function Card(props: {
  title?: ComponentChildren
  note?: ComponentChildren
  actions?: ComponentChildren
  flush?: boolean
  class?: string
  children: ComponentChildren
}): JSX.Element {
  return (
    <section class={`card ${props.flush ? 'flush' : ''} ${props.class ?? ''}`}>
      {(props.title || props.actions) && (
        <header class="card-head">
          <h2>{props.title}</h2>
          {props.note && <span class="card-note">{props.note}</span>}
          {props.actions && <div class="card-actions">{props.actions}</div>}
        </header>
      )}
      <div class="card-body">{props.children}</div>
    </section>
  )
}

/** A word with a shape: never colour alone. */
export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }): JSX.Element {
  return (
    <span class={`badge tone-${tone}`}>
      <span class="badge-dot" aria-hidden="true" />
      {children}
    </span>
  )
}

export function Tag({ children, title }: { children: ComponentChildren; title?: string }): JSX.Element {
  return (
    <span class="tag" title={title}>
      {children}
    </span>
  )
}

export function Empty(props: {
  icon: IconName
  title: string
  children?: ComponentChildren
  small?: boolean
}): JSX.Element {
  return (
    <div class={`empty ${props.small ? 'small' : ''}`}>
      <span class="empty-icon">
        <Icon name={props.icon} size={props.small ? 18 : 22} />
      </span>
      <h3>{props.title}</h3>
      {props.children && <div class="empty-text">{props.children}</div>}
    </div>
  )
}

/** What went wrong, in the place where the thing would be. */
export function Trouble(props: {
  problem: Pick<ApiProblem, 'message' | 'fix'>
  title: string
  small?: boolean
}) {
  return (
    <Empty icon="warning" title={props.title} {...(props.small && { small: true })}>
      <p>{props.problem.message}</p>
      {props.problem.fix && <p class="faint">{props.problem.fix}</p>}
    </Empty>
  )
}

export function Skeleton({ kind }: { kind: 'line' | 'number' | 'chart' | 'row' }): JSX.Element {
  return <span class={`skeleton ${kind}`} aria-hidden="true" />
}

export function SkeletonRows({ rows = 6 }: { rows?: number }): JSX.Element {
  return (
    <div class="skeleton-rows" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} kind="row" />
      ))}
    </div>
  )
}

export function Figure(props: {
  label: string
  children: ComponentChildren
  note?: ComponentChildren
  tone?: Tone
}): JSX.Element {
  return (
    <div class={`figure-block ${props.tone ? `tone-${props.tone}` : ''}`}>
      <span class="figure-label">{props.label}</span>
      <span class="figure-value">{props.children}</span>
      {props.note && <span class="figure-note">{props.note}</span>}
    </div>
  )
}
