/**
 * catalog-writer.ts – The catalog as those who change it need it: the newest one, and one write.
 *
 * Keeps true: what is checked against a catalog is written on top of it, or checked again.
 */
import type { Catalog } from './catalog.ts';
import type { ActivationSecret } from './catalog-log.ts';
import type { ChangeWithTexts } from './histories.ts';

export interface CatalogWriter {
  /** As it is known here. */
  readonly catalog: Catalog;

  /** The catalog, at least as new as what was stored when this was called. */
  refresh(): Promise<Catalog>;

  /**
   * Writes one version. `change` makes it of the catalog as it stands, without awaiting, and is
   * called again if another process was faster. It throws a Problem to refuse, or returns undefined
   * when there is nothing to write. A secret is kept with it.
   * @throws Problem catalog_conflict if others were faster too often | catalog_full
   */
  write(
    change: (catalog: Catalog) => ChangeWithTexts | undefined,
    secret?: ActivationSecret,
  ): Promise<void>;
}
