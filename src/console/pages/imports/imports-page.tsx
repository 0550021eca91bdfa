/**
 * imports-page.tsx – Records into the deployment and out of it, in files of any size.
 */
import '../../styles/panels.css';
import './imports.css';
import type { PageProps } from '../../pages.tsx';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { ExportPanel } from './export-panel.tsx';
import { ImportPanel } from './import-panel.tsx';
import { JobList } from './job-list.tsx';

export default function ImportsPage(_: PageProps) {
  const mayEdit = useMay('write_catalog');
  return (
    <PageFrame
      title="Imports, exports"
      crumbs={[{ title: 'Customer Data' }, { title: 'Utilities' }]}
      subtitle="Records in files of any size. A bad line stops no other, and is listed."
    >
      {mayEdit ? (
        <>
          <ImportPanel />
          <ExportPanel />
        </>
      ) : null}
      <JobList />
    </PageFrame>
  );
}
