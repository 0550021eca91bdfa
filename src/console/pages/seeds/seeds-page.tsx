/**
 * seeds-page.tsx – Definitions from one deployment to another: look at what a file would do, take
 * it over, and write such a file.
 */
import '../../styles/panels.css';
import './seeds.css';
import type { PageProps } from '../../pages.tsx';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { SeedExport } from './seed-export.tsx';
import { SeedImport } from './seed-import.tsx';

export default function SeedsPage(_: PageProps) {
  const mayEdit = useMay('write_catalog');
  return (
    <PageFrame
      title="Seeds"
      crumbs={[{ title: 'Customer Data' }, { title: 'Utilities' }]}
      subtitle="Object types, segments, views and records in a file, from one deployment to another."
    >
      {mayEdit ? <SeedImport /> : null}
      <SeedExport />
    </PageFrame>
  );
}
