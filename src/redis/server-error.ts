/**
 * server-error.ts – A fault of the Redis underneath, as it is shown to the person who starts
 * Rollcall.
 *
 * Keeps true: the message stands alone (it names the cause and the next step), so that it is
 * printed without a stack.
 */
export class RedisServerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RedisServerError';
  }
}

/**
 * The data folder has a living owner: its server, if it has one, may be asked, and no second one
 * may be started.
 */
export class FolderInUseError extends RedisServerError {}
