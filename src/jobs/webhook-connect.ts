/**
 * webhook-connect.ts – Connections for webhooks: to public addresses only, whatever a name resolves
 * to.
 *
 * Keeps true: every address that a name resolves to is checked, and a forbidden one refuses the
 * name. The socket connects to a checked address without a second look-up (DNS rebinding), and its
 * peer is checked once more. Proxies of the environment are not used.
 */
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { type AllowedTargets, addressFault, hostFault } from '../catalog/webhook-target.ts';

/** Asks for all addresses of a name. */
export type Resolver = (
  host: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** The target may not be sent to; names the reason, without a secret. */
export class TargetRefused extends Error {
  constructor(fault: string) {
    super(`refused: ${fault}`);
    this.name = 'TargetRefused';
  }
}

const CONNECT_TIMEOUT_MS = 5000;
/** Connections to one target: one for each of an activation's lanes. */
const CONNECTIONS_MAX = 32;

/** Caller: closes it. */
export function openWebhookAgent(allowed: AllowedTargets, resolve: Resolver = systemLookup): Agent {
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    lookup: judgedLookup(allowed, resolve),
  });
  const guarded: buildConnector.connector = (options, callback) => {
    // No look-up is made for a literal address.
    const refused = refusalOf(hostFault(options.hostname, allowed));
    if (refused) return void callback(refused, null);
    return connect(options, (...[error, socket]) => {
      if (error) return void callback(error, null);
      const wrong = allowed.hasName(options.hostname)
        ? undefined
        : refusalOf(addressFault(socket.remoteAddress ?? '', allowed));
      if (!wrong) return void callback(null, socket);
      socket.destroy();
      return void callback(wrong, null);
    });
  };
  return new Agent({ connect: guarded, connections: CONNECTIONS_MAX });
}

function judgedLookup(allowed: AllowedTargets, resolve: Resolver): LookupFunction {
  return (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      const refused = error ?? refusalOf(faultAmong(host, addresses, allowed));
      if (refused) return void callback(refused, []);
      if (options.all) return void callback(null, addresses);
      return void callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}

function faultAmong(
  host: string,
  addresses: readonly LookupAddress[],
  allowed: AllowedTargets,
): string | undefined {
  if (addresses.length === 0) return 'the name has no address';
  if (allowed.hasName(host)) return undefined;
  for (const { address } of addresses) {
    const fault =
      isIP(address) === 0 ? 'the address can not be read' : addressFault(address, allowed);
    if (fault) return fault;
  }
  return undefined;
}

function refusalOf(fault: string | undefined): TargetRefused | undefined {
  return fault === undefined ? undefined : new TargetRefused(fault);
}
