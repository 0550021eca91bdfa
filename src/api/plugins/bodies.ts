/**
 * bodies.ts – Reads JSON bodies, and checks bodies and query strings against their schemas.
 *
 * Keeps true: nothing of a body is coerced, defaulted or dropped, so `"7"` stays a string and an
 * unknown member is refused. A query string, where all is text, is read as its schema says. Bodies
 * that the engine reads are described by a `$ref` and pass unchecked: its own answer names the
 * fault better. A number that reading would alter is refused.
 */
import { isUtf8 } from 'node:buffer';
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { inexactNumbers, inexactProblem } from '../../change/exact-json.ts';
import { type Fault, Problem, pointer } from '../../errors.ts';
import { charsetOf } from '../charset.ts';
import { LargeBodies } from '../large-bodies.ts';
import { JSON_TYPE } from '../media-types.ts';
import { isBoard, isDocumentation } from '../paths.ts';
import { timely } from '../timely-body.ts';

interface Property {
  readonly type?: string;
  readonly default?: unknown;
}

export const bodies = fp(
  async (app: FastifyInstance, { seconds }: { seconds: number }) => {
    app.removeAllContentTypeParsers();
    const large = new LargeBodies();
    const answers = new WeakMap<FastifyRequest, ServerResponse>();
    app.addContentTypeParser(
      JSON_TYPE,
      { parseAs: 'buffer' },
      async (request: FastifyRequest, body: Buffer) => {
        await large.enter(body.length, answers.get(request));
        return parseJson(body);
      },
    );
    app.addHook('preParsing', async ({ headers, routeOptions }) => {
      const hasBody =
        headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
      if (hasBody && !routeOptions.config?.route?.readsCharsets)
        refuseCharset(headers['content-type']);
      const encoding = headers['content-encoding'];
      if (encoding === undefined || encoding === 'identity') return;
      throw new Problem(
        'content_type_unsupported',
        `bodies are read as they are, not with content-encoding ${encoding}`,
      );
    });
    app.addHook('preParsing', async (request, reply, payload) => {
      const { headers } = request;
      answers.set(request, reply.raw);
      const hasBody =
        headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
      if (!hasBody) return payload;
      return timely(payload as Readable, seconds, !JSON_TYPE.test(headers['content-type'] ?? ''));
    });
    app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => {
      if ('$ref' in schema) return () => true;
      return httpPart === 'body' ? bodyCheck(schema) : parameterCheck(schema);
    });
    app.addHook('preValidation', async (request) => {
      refuseUnknownParameters(request);
      if (request.routeOptions.config?.route?.bodyIsOptional) request.body ??= {};
    });
    app.setSerializerCompiler(() => JSON.stringify);
  },
  { name: 'bodies' },
);

/** JSON is UTF-8 (RFC 8259): a body in another charset would be misread. */
function refuseCharset(contentType: string | undefined): void {
  if (charsetOf(contentType) === 'utf-8') return;
  throw new Problem('content_type_unsupported', `'${contentType}' is not read here; send UTF-8`);
}

/**
 * @returns undefined for no body: clients send a content type without one.
 * @throws Problem body_malformed | number_inexact
 */
function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  if (!isUtf8(body)) throw new Problem('body_malformed', 'the body is not UTF-8');
  const text = body.toString('utf8').replace(/^\uFEFF/, '');
  const value = parsed(text);
  const faults = inexactNumbers(text);
  if (faults.length > 0) throw inexactProblem(faults);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('body_malformed', `the body is not JSON: ${(error as Error).message}`);
  }
}

function bodyCheck(schema: TSchema) {
  const check = Compile(schema);
  return (body: unknown) => {
    try {
      if (check.Check(body)) return true;
      return { error: refusal('body_invalid', check.Errors(body)) };
    } catch (error) {
      // Items that must differ are compared member by member, however deep they lie.
      if (!(error instanceof RangeError)) throw error;
      return { error: new Problem('body_invalid', 'the body is nested too deeply') };
    }
  };
}

/**
 * Refuses parameters that are not declared: a filter that is misspelled would show everything.
 * Pages of other plugins declare no parameters. @throws Problem parameter_invalid
 */
function refuseUnknownParameters({
  query,
  method,
  routeOptions: { url, schema },
}: FastifyRequest): void {
  if (url === undefined || url === '*' || isBoard(url) || isDocumentation(url)) return;
  const declared = schema?.querystring as { readonly properties?: object } | undefined;
  const names = Object.keys(declared?.properties ?? {});
  const unknown = Object.keys(query as object).filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  const known = names.length === 0 ? 'it takes none' : `it takes ${names.join(', ')}`;
  const faults = unknown.map((name) => ({
    path: pointer('', name),
    detail: `'${name}' is not a parameter of ${method} ${url}: ${known}`,
  }));
  throw new Problem('parameter_invalid', faults[0]!.detail, faults);
}

function parameterCheck(schema: TSchema) {
  const check = Compile(schema);
  const properties = Object.entries(
    (schema as { properties?: Record<string, Property> }).properties ?? {},
  );
  return (given: Record<string, unknown>) => {
    const value = { ...given };
    for (const [name, property] of properties) {
      const read = readParameter(property, given[name]);
      if (read !== undefined) value[name] = read;
    }
    if (check.Check(value)) return { value };
    return { error: refusal('parameter_invalid', check.Errors(value)) };
  };
}

function readParameter(property: Property, given: unknown): unknown {
  if (given === undefined) return property.default;
  if (property.type === 'array') return [given].flat();
  if (property.type === 'integer' && typeof given === 'string' && /^\d{1,16}$/.test(given))
    return Number(given);
  if (property.type === 'boolean' && (given === 'true' || given === 'false'))
    return given === 'true';
  return given;
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

function refusal(
  code: 'body_invalid' | 'parameter_invalid',
  errors: readonly SchemaError[],
): Problem {
  const faults = errors.flatMap(faultsOf);
  return new Problem(
    code,
    `${faults[0]?.path.slice(1) ?? ''} ${faults[0]?.detail ?? ''}`.trim(),
    faults,
  );
}

/**
 * The schema reports missing and unknown members of the object; here each is a fault of its own.
 */
function faultsOf({ keyword, instancePath, message, params }: SchemaError): Fault[] {
  const named = params as { requiredProperties?: string[]; allowedValues?: unknown[] };
  switch (keyword) {
    case 'required':
      return (named.requiredProperties ?? []).map((name) => ({
        path: `${instancePath}/${name}`,
        detail: 'is required',
      }));
    case 'boolean':
      return [{ path: instancePath, detail: 'is not known here' }];
    case 'additionalProperties':
      return [];
    case 'enum':
      return [
        { path: instancePath, detail: `must be one of ${(named.allowedValues ?? []).join(', ')}` },
      ];
    default:
      return [{ path: instancePath, detail: message }];
  }
}
