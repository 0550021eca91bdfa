/**
 * log.ts – The log: its destination, and its form: lines for a terminal, JSON for any other reader.
 *
 * Keeps true: no command that was sent to Redis is in it. The log goes to stderr, so stdout holds
 * only what a command answers. Nothing is buffered, so the last words of a process are there.
 */
import {
  type DestinationStream,
  destination,
  type Logger,
  type LoggerOptions,
  levels,
  pino,
  stdSerializers,
  stdTimeFunctions,
} from 'pino';

/** The level is read by pino; the rest is how the entries look. */
export function openLog(level: LoggerOptions['level'] & string): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    serializers: { err: plain },
  };
  if (!process.stderr.isTTY) return pino(options, destination({ dest: 2, sync: true }));
  const lines: DestinationStream = { write: (entry) => process.stderr.write(forPeople(entry)) };
  return pino(options, lines);
}

/** Prints progress, apart from what the command answers. */
export function tell(line: string): void {
  console.error(line);
}

/** An error of ioredis holds the command as it was sent: records, and the password of an AUTH. */
function plain(error: Error): unknown {
  const { command: _, ...told } = stdSerializers.err(error) as Record<string, unknown>;
  return told;
}

/**
 * `12:30:05 WARN  the lease is lost  partition=3 answer="taken"`; a stack follows on lines of its
 * own.
 */
function forPeople(entry: string): string {
  // Request ids tie several lines together; on a terminal they would be most of the line.
  const { level, time, msg, err, reqId: _, ...rest } = JSON.parse(entry) as Record<string, unknown>;
  const name = (levels.labels[Number(level)] ?? '').toUpperCase().padEnd(5);
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const members = Object.entries(rest).map(
    ([member, value]) => ` ${member}=${JSON.stringify(value)}`,
  );
  const details = members.length > 0 ? ` ${members.join('')}` : '';
  return `${clock} ${name} ${msg ?? ''}${details}${describe(err, level)}\n`;
}

const WARN = 40;

/** A warning's stack is of no use to an operator; an error's is for the developer who fixes it. */
function describe(err: unknown, level: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { message, stack } = err as { message?: string; stack?: string };
  return Number(level) > WARN && stack ? `\n${stack}` : `: ${message}`;
}
