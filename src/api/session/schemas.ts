/**
 * schemas.ts – What is said of who has signed in.
 */
import Type from 'typebox';
import { ROLES } from '../../config.ts';
import { CAPABILITIES } from '../roles.ts';

export const sessionForm = Type.Object(
  {
    role: Type.Enum([...ROLES]),
    name: Type.String({ description: "The key's name, or its fingerprint.", examples: ['lena'] }),
    capabilities: Type.Array(Type.Enum([...CAPABILITIES])),
  },
  { $id: 'Session' },
);

export const SESSION_SCHEMAS = [sessionForm];
