// The page's one live client, and how components watch through it.
import { useEffect } from 'preact/hooks'
import { api } from '../api/client.ts'
import { currentToken } from '../api/token.ts'
import { pushToast } from '../parts/toast.tsx'
import { type ChannelView, createLive } from './channels.ts'
import { browserPorts } from './ports.ts'
import type { FoldLimits } from './reduce.ts'

const ports = browserPorts({
  base: document.baseURI,
  token: currentToken,
  // The same question over HTTP has an answer: if a token is missing, the page asks for it.
  onRefused: () => void api.probe(),
})

export const live = createLive(ports, (problem) => {
  pushToast({ tone: 'bad', text: problem.message, ...(problem.fix !== undefined && { detail: problem.fix }) })
})

document.addEventListener('visibilitychange', () => live.setVisible(document.visibilityState === 'visible'))

/** Watches a channel for as long as the component is mounted; reading its signals re-renders the component. */
export function useChannel(channel: string, limits?: Partial<FoldLimits>): ChannelView {
  useEffect(() => live.acquire(channel), [channel])
  return live.view(channel, limits)
}
