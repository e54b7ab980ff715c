// What a log group counts.
import type { Counter, Histogram, Metrics } from '#base'

export type LogMeters = {
  readonly appends: Counter
  readonly frames: Counter
  readonly frameBytes: Counter
  readonly appendSeconds: Histogram
  readonly syncSeconds: Histogram
}

export function logMeters(metrics: Metrics): LogMeters {
  return {
    appends: metrics.counter('pspf_log_appends_total', 'Appends acknowledged'),
    frames: metrics.counter('pspf_log_frames_total', 'Frames made durable: one sync each'),
    frameBytes: metrics.counter('pspf_log_frame_bytes_total', 'Bytes of frames made durable'),
    appendSeconds: metrics.histogram(
      'pspf_log_append_duration_seconds',
      'Time from append to durable and visible',
    ),
    syncSeconds: metrics.histogram(
      'pspf_log_fsync_duration_seconds',
      'Time from the start of a sync to its end',
    ),
  }
}
