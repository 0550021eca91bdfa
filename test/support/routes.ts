/**
 * routes.ts – The routes as tests name them: `GET /v1/segments`, and what each asks of its caller.
 */
import type { Need } from '../../src/api/roles.ts';
import { ROUTES } from '../../src/api/routes.ts';

export const ROUTE_NEEDS: Readonly<Record<string, Need>> = Object.fromEntries(
  ROUTES.map(({ method, path, need }) => [`${method} ${path}`, need]),
);
