/**
 * metrics.ts – What a process counts and times, in Prometheus' terms. One set per deployment, so
 * that tests can run several; what Node says of the process is measured once for all of them.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

const SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * They are never given back: each call of collectDefaultMetrics leaves an observer of collections
 * and a timer of 10 ms behind.
 */
let ofProcess: Registry | undefined;

function processMetrics(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

export function createMetrics() {
  const registry = Registry.merge([processMetrics()]);
  const registers = [registry];
  return {
    registry,
    changesAccepted: new Counter({
      name: 'rollcall_changes_accepted_total',
      help: 'Changes appended to a log',
      registers,
    }),
    changesRejected: new Counter({
      name: 'rollcall_changes_rejected_total',
      help: 'Changes refused, by code',
      labelNames: ['code'],
      registers,
    }),
    changesApplied: new Counter({
      name: 'rollcall_changes_applied_total',
      help: 'Changes committed',
      registers,
    }),
    membershipsFlipped: new Counter({
      name: 'rollcall_memberships_flipped_total',
      help: 'Records that entered or left a segment',
      registers,
    }),
    commits: new Counter({
      name: 'rollcall_commits_total',
      help: 'Commits of partitions',
      registers,
    }),
    deadLetters: new Counter({
      name: 'rollcall_dead_letters_total',
      help: 'Changes put with the dead letters',
      registers,
    }),
    deadLettersKept: new Gauge({
      name: 'rollcall_dead_letters_kept',
      help: 'Dead letters of changes and messages that lie in Redis',
      registers,
    }),
    deadLettersDropped: new Gauge({
      name: 'rollcall_dead_letters_dropped',
      help: 'Dead letters that gave way to the bounds, since the deployment was founded',
      registers,
    }),
    commitSeconds: new Histogram({
      name: 'rollcall_commit_seconds',
      help: 'Round trip of a commit',
      buckets: SECONDS,
      registers,
    }),
    stepSeconds: new Histogram({
      name: 'rollcall_step_seconds',
      help: 'Evaluation of a batch',
      buckets: SECONDS,
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'rollcall_request_seconds',
      help: 'HTTP requests, by route and status',
      labelNames: ['method', 'route', 'status'],
      buckets: SECONDS,
      registers,
    }),
    partitionsOwned: new Gauge({
      name: 'rollcall_partitions_owned',
      help: 'Partitions whose lease this process holds',
      registers,
    }),
    logLag: new Gauge({
      name: 'rollcall_log_lag_entries',
      help: 'Entries in the logs that are not applied yet',
      registers,
    }),
    partitionsAhead: new Gauge({
      name: 'rollcall_partitions_ahead_of_time',
      help:
        'Partitions whose clock is over a minute ahead of Redis: segments that move ' +
        'with time answer building',
      registers,
    }),
    waitingChanges: new Gauge({
      name: 'rollcall_waiting_changes',
      help: 'Changes that wait in this process for their log',
      registers,
    }),
    auditDifferences: new Gauge({
      name: 'rollcall_audit_differences',
      help: 'Differences that the last audit has found and that are not repaired',
      registers,
    }),
    auditFinished: new Gauge({
      name: 'rollcall_audit_finished_timestamp_seconds',
      help: 'When the last audit ended that has compared something',
      registers,
    }),
    auditSeconds: new Gauge({
      name: 'rollcall_audit_duration_seconds',
      help: 'How long that audit took, its repair included',
      registers,
    }),
    webhookAttempts: new Counter({
      name: 'rollcall_webhook_attempts_total',
      help: 'Attempts to deliver a webhook, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    webhookDeadLetters: new Counter({
      name: 'rollcall_webhook_dead_letters_total',
      help: 'Webhooks put with the dead letters after their last attempt',
      registers,
    }),
    webhookBacklog: new Gauge({
      name: 'rollcall_webhook_backlog_entries',
      help: 'Commits whose events for activations are not queued yet',
      registers,
    }),
    explainDifferences: new Counter({
      name: 'rollcall_explain_differences_total',
      help: 'Explanations that found another membership stored than the rows say',
      registers,
    }),
    segments: new Gauge({ name: 'rollcall_segments', help: 'Segments in the catalog', registers }),
  };
}
