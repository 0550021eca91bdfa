/**
 * config-command.ts – `rollcall config`: the settings, where each value comes from, and what is
 * wrong with it.
 */
import { ConfigError, describeConfig, loadConfig } from '../config.ts';
import { table } from './table.ts';

/**
 * The table is printed before the faults, so that both can be looked at together. @throws
 * ConfigError
 */
export function showConfig(env: NodeJS.ProcessEnv): void {
  const rows = describeConfig(env).map(({ name, value, source, description }) => [
    name,
    value === '' ? '(unset)' : value,
    source,
    description,
  ]);
  const lines = table(
    [['Variable', 'Value', 'From', 'Meaning'], ...rows],
    ['left', 'left', 'left', 'left'],
  );
  console.log(lines.join('\n'));
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) console.log();
    throw error;
  }
}
