// How the state of an app is said and toned.
import type { AppState } from '../../src/http/contract.ts'
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

export function appTone(state: AppState): Tone {
  return tones[state] ?? 'idle'
}

export function appWord(state: AppState): string {
  return words[state] ?? state
}
