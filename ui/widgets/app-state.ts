// How the state of an app is said and toned.
import type { AppState, AppStatus } from '../../src/http/contract.ts'
import type { Tone } from '../parts/surface.tsx'

const tones: Record<AppState, Tone> = {
  starting: 'info',
  running: 'good',
  paused: 'idle',
  'backing-off': 'warn',
  failed: 'bad',
  stopped: 'idle',
}

const words: Record<AppState, string> = {
  starting: 'Starting',
  running: 'Running',
  paused: 'Paused',
  'backing-off': 'Backing off',
  failed: 'Failed',
  stopped: 'Stopped',
}

type Told = Pick<AppStatus, 'state' | 'error'>

/** A process that hangs keeps the state that it told last; the error says so. */
const isSilent = ({ state, error }: Told) => state === 'running' && error !== null

export function appTone(app: Told): Tone {
  return isSilent(app) ? 'bad' : (tones[app.state] ?? 'idle')
}

export function appWord(app: Told): string {
  return isSilent(app) ? 'Not answering' : (words[app.state] ?? app.state)
}
