// Copying, with a word that it worked; and the copyable command lines that empty pages teach with.
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Icon, type IconName } from './icon.tsx'
import { pushToast } from './toast.tsx'

const copiedForMs = 1_600

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Plain http on another host has no clipboard API: select from a hidden field, as browsers always allowed.
    const field = document.createElement('textarea')
    field.value = text
    field.className = 'offscreen'
    document.body.append(field)
    field.select()
    const copied = document.execCommand('copy')
    field.remove()
    if (!copied) pushToast({ tone: 'warn', text: 'Copying is not allowed here', detail: text })
    return copied
  }
}

export function CopyButton(props: {
  text: string | (() => string)
  label: string
  icon?: IconName
  quiet?: boolean
}): JSX.Element {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), copiedForMs)
    return () => clearTimeout(timer)
  }, [copied])
  async function copy(): Promise<void> {
    setCopied(await copyText(typeof props.text === 'string' ? props.text : props.text()))
  }
  return (
    <button
      type="button"
      class={props.quiet ? 'icon-button' : 'button small'}
      aria-label={props.quiet ? props.label : undefined}
      title={props.quiet ? props.label : undefined}
      onClick={() => void copy()}
    >
      <Icon name={copied ? 'check' : (props.icon ?? 'copy')} size={14} />
      {!props.quiet && (copied ? 'Copied' : props.label)}
    </button>
  )
}

export function CommandLine({ text, label }: { text: string; label?: string }): JSX.Element {
  return (
    <div class="command">
      {label && <span class="command-label">{label}</span>}
      <div class="command-line">
        <pre>
          <code>{text}</code>
        </pre>
        <CopyButton text={text} label="Copy" quiet />
      </div>
    </div>
  )
}
