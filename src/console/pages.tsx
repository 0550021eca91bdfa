/**
 * pages.tsx – All pages, by their paths: to add one is to add a line here.
 *
 * Keeps true: each page is a module of its own, loaded when it is opened. The first path that fits
 * is taken.
 */
import { type ComponentType, type LazyExoticComponent, lazy } from 'react';

/** The parameters of the path, decoded: `slug` of `/segments/:slug`. */
type PageParameters = Readonly<Record<string, string>>;

export interface PageProps {
  readonly params: PageParameters;
}

export interface PageEntry {
  readonly path: string;
  readonly Page: LazyExoticComponent<ComponentType<PageProps>>;
}

export const PAGES: readonly PageEntry[] = [
  { path: '/records/:type', Page: lazy(() => import('./pages/records/records-page.tsx')) },
  { path: '/records/:type/:id', Page: lazy(() => import('./pages/record/record-page.tsx')) },
  { path: '/segments', Page: lazy(() => import('./pages/segments/segments-page.tsx')) },
  { path: '/segments/new', Page: lazy(() => import('./pages/builder/new-page.tsx')) },
  { path: '/segments/:slug/edit', Page: lazy(() => import('./pages/builder/edit-page.tsx')) },
  { path: '/segments/:slug', Page: lazy(() => import('./pages/segment/members-page.tsx')) },
  { path: '/segments/:slug/members', Page: lazy(() => import('./pages/segment/members-page.tsx')) },
  { path: '/segments/:slug/members/:id', Page: lazy(() => import('./pages/why/why-page.tsx')) },
  { path: '/segments/:slug/history', Page: lazy(() => import('./pages/segment/history-page.tsx')) },
  {
    path: '/segments/:slug/revisions',
    Page: lazy(() => import('./pages/segment/revisions-page.tsx')),
  },
  { path: '/segments/:slug/feed', Page: lazy(() => import('./pages/segment/feed-page.tsx')) },
  { path: '/views', Page: lazy(() => import('./pages/views/views-page.tsx')) },
  { path: '/views/new', Page: lazy(() => import('./pages/views/new-view-page.tsx')) },
  { path: '/views/:slug', Page: lazy(() => import('./pages/views/view-page.tsx')) },
  { path: '/seeds', Page: lazy(() => import('./pages/seeds/seeds-page.tsx')) },
  { path: '/imports', Page: lazy(() => import('./pages/imports/imports-page.tsx')) },
  { path: '/types', Page: lazy(() => import('./pages/types/types-page.tsx')) },
  { path: '/types/:name', Page: lazy(() => import('./pages/types/type-page.tsx')) },
  { path: '/activations', Page: lazy(() => import('./pages/activations/activations-page.tsx')) },
  {
    path: '/activations/new',
    Page: lazy(() => import('./pages/activations/new-activation-page.tsx')),
  },
  { path: '/activations/:id', Page: lazy(() => import('./pages/activations/activation-page.tsx')) },
  { path: '/pulse', Page: lazy(() => import('./pages/pulse/pulse-page.tsx')) },
];

/** Whether a path has a page: what leads nowhere is not offered. */
export function hasPage(path: string): boolean {
  return PAGES.some((page) => page.path === path);
}
