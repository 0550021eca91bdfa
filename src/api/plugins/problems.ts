/**
 * problems.ts – Every failure leaves as a problem document (RFC 9457) of the one table of errors.
 *
 * Keeps true: whatever goes wrong, in our code, in Fastify or in the HTTP parser, is answered in
 * this form and no other. A failure that the table does not foresee is our bug: logged in full,
 * answered without details.
 */
import type { Socket } from 'node:net';
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  preParsingAsyncHookHandler,
} from 'fastify';
import fp from 'fastify-plugin';
import { ERRORS, Problem } from '../../errors.ts';
import { redisProblem } from '../../redis/failures.ts';
import { isBoard, methodsAt, namedPath, pathOf, type RouteEntry } from '../paths.ts';

const PROBLEM_TYPE = 'application/problem+json';
/** For answers that ask to come again and do not know when. */
const RETRY_AFTER_S = 1;

export const problems = fp(
  async (app: FastifyInstance) => {
    const routes: RouteEntry[] = [];
    app.addHook('onRoute', (route) => {
      const { method, url, preParsing = [] } = route;
      for (const each of [method].flat()) routes.push({ method: each, url });
      if (!/\/:[^/]+$/.test(url)) return;
      route.preParsing = [refuseNames(url, routes), ...[preParsing].flat()];
    });
    app.setErrorHandler((error: FastifyError, request, reply) => {
      // Fastify checks the body of some methods before it sees that no route takes them.
      const isNowhere = request.is404 && !(error instanceof Problem);
      return sendProblem(
        reply,
        isNowhere ? nothingThere(request, reply, routes) : toProblem(error, request),
      );
    });
    app.setNotFoundHandler((request, reply) =>
      sendProblem(reply, nothingThere(request, reply, routes)),
    );
  },
  { name: 'problems' },
);

/** Answers with the problem document, and with the headers that its kind calls for. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { status, code } = problem;
  if (code === 'key_missing') {
    // Only Basic makes a browser ask for the key.
    const scheme = isBoard(pathOf(reply.request.url)) ? 'Basic' : 'Bearer';
    reply.header('www-authenticate', `${scheme} realm="rollcall"`);
  }
  if (status === 429 || status === 503) {
    const { retry_after_s: seconds } = problem.extra;
    reply.header('retry-after', String(typeof seconds === 'number' ? seconds : RETRY_AFTER_S));
  }
  // The rest of the body would pass for the next request.
  if (code === 'request_timeout') reply.header('connection', 'close');
  return sendText(reply.code(status).type(PROBLEM_TYPE), JSON.stringify(problemDocument(problem)));
}

/**
 * Sends what is serialized already: Fastify would add a charset, which `application/problem+json`
 * does not have.
 */
export function sendText(reply: FastifyReply, text: string): FastifyReply {
  return text === '' ? reply.send() : reply.serializer((body: unknown) => String(body)).send(text);
}

/** Answers to what is no URL, before any hook runs. */
export function onFrameworkError(
  error: FastifyError,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  void sendProblem(reply, new Problem('request_malformed', error.message));
}

/** Answers to what is no HTTP: there is neither request nor reply, only the socket. */
export function onClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable)
    return void socket.destroy();
  const problem = clientProblem(error.code);
  const body = JSON.stringify(problemDocument(problem));
  const head = [
    `HTTP/1.1 ${problem.status} ${ERRORS[problem.code].title}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function clientProblem(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new Problem('headers_too_long', 'the headers are longer than 16 kB');
  if (code === 'HPE_INVALID_METHOD')
    return new Problem('request_malformed', 'there is no such method of HTTP');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new Problem('request_timeout', 'the request did not come in time');
  return new Problem('request_malformed', 'the request is not HTTP/1.1');
}

/** A problem as it is told, in a body of its own or as an event. */
export function problemDocument({
  code,
  message,
  errors,
  extra,
}: Problem): Record<string, unknown> {
  const { status, title } = ERRORS[code];
  const document = {
    ...extra,
    type: `urn:rollcall:problem:${code}`,
    title,
    status,
    code,
    detail: message,
  };
  return errors.length > 0 ? { ...document, errors } : document;
}

function toProblem(error: FastifyError, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  const known = FASTIFY_CODES[error.code];
  if (known) return known(error, request);
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new Problem('body_malformed', error.message);
  const answered = redisProblem(error);
  if (answered instanceof Problem) return answered;
  request.log.error({ err: error }, 'a request failed by a fault of ours');
  return new Problem('internal', 'the fault is logged under the request id', [], {
    request_id: request.id,
  });
}

/** What Fastify itself refuses. */
const FASTIFY_CODES: Readonly<
  Record<string, (error: FastifyError, request: FastifyRequest) => Problem>
> = {
  FST_ERR_CTP_BODY_TOO_LARGE: (_, request) =>
    new Problem(
      'body_too_long',
      `a body may have at most ${request.routeOptions.bodyLimit} bytes here`,
    ),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (_, request) =>
    new Problem(
      'content_type_unsupported',
      `the content type '${request.headers['content-type'] ?? ''}' is not read here`,
    ),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new Problem('body_malformed', 'the body is not as long as its Content-Length says'),
};

/**
 * A route for any name is asked for a name that is a route's own, by a method which that does not
 * take. Before the body is read, and after the key.
 */
function refuseNames(url: string, routes: readonly RouteEntry[]): preParsingAsyncHookHandler {
  let own: ReadonlySet<string> | undefined;
  return async (request, reply, payload) => {
    own ??= new Set(routes.map((each) => each.url)); // all are there by now
    const path = namedPath(url, request.params);
    if (path === undefined || !own.has(path)) return payload;
    throw notAllowed(request, reply, path, methodsAt(routes, path));
  };
}

function nothingThere(
  request: FastifyRequest,
  reply: FastifyReply,
  routes: readonly RouteEntry[],
): Problem {
  const path = pathOf(request.url);
  const methods = methodsAt(routes, path);
  if (methods.length === 0) return new Problem('route_unknown', nothingAt(path, routes));
  return notAllowed(request, reply, path, methods);
}

function notAllowed(
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
  methods: readonly string[],
): Problem {
  reply.header('allow', methods.join(', '));
  return new Problem(
    'method_not_allowed',
    `${path} takes ${methods.join(', ')}, not ${request.method}`,
  );
}

function nothingAt(path: string, routes: readonly RouteEntry[]): string {
  const plain = path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  const meant = plain !== path && methodsAt(routes, plain).length > 0 ? `; there is ${plain}` : '';
  return (
    `there is nothing at ${path}${meant}. All paths are described at /docs, and for ` +
    'machines at /openapi.json'
  );
}
