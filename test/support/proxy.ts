/**
 * proxy.ts – A TCP proxy in front of Redis that can lose replies after the server has done the
 * work, and cut connections.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface Proxy {
  readonly url: string;
  /**
   * From now on requests pass and replies are swallowed; connections that carried one are cut by
   * `cut`.
   */
  loseReplies(lose: boolean): void;
  /** Ends all connections. */
  cut(): void;
  close(): Promise<void>;
}

/** `redisUrl` is asked at each connection: a server that was started again has another port. */
export async function openProxy(redisUrl: string | (() => string)): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isLosing = false;
  const server: Server = createServer((client) => {
    const { hostname, port } = new URL(typeof redisUrl === 'string' ? redisUrl : redisUrl());
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
      socket.on('error', () => {});
    }
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => {
      if (!isLosing) client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseReplies: (lose) => {
      isLosing = lose;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
