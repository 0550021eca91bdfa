/**
 * pages.tsx – All pages, by their paths: to add one is to add a line here.
 *
 * Keeps true: each page is a module of its own, loaded when it is opened. The first path that fits
 * is taken.
 */
import type { ComponentType, LazyExoticComponent } from 'react';
import { later } from './parts/later.ts';

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
  { path: '/records/:type', Page: later(() => import('./pages/records/records-page.tsx')) },
  { path: '/records/:type/:id', Page: later(() => import('./pages/record/record-page.tsx')) },
  { path: '/segments', Page: later(() => import('./pages/segments/segments-page.tsx')) },
  { path: '/segments/new', Page: later(() => import('./pages/builder/new-page.tsx')) },
  { path: '/segments/:slug/edit', Page: later(() => import('./pages/builder/edit-page.tsx')) },
  { path: '/segments/:slug', Page: later(() => import('./pages/segment/members-page.tsx')) },
  {
    path: '/segments/:slug/members',
    Page: later(() => import('./pages/segment/members-page.tsx')),
  },
  { path: '/segments/:slug/members/:id', Page: later(() => import('./pages/why/why-page.tsx')) },
  {
    path: '/segments/:slug/history',
    Page: later(() => import('./pages/segment/history-page.tsx')),
  },
  {
    path: '/segments/:slug/revisions',
    Page: later(() => import('./pages/segment/revisions-page.tsx')),
  },
  { path: '/segments/:slug/feed', Page: later(() => import('./pages/segment/feed-page.tsx')) },
  { path: '/views', Page: later(() => import('./pages/views/views-page.tsx')) },
  { path: '/views/new', Page: later(() => import('./pages/views/new-view-page.tsx')) },
  { path: '/views/:slug', Page: later(() => import('./pages/views/view-page.tsx')) },
  { path: '/seeds', Page: later(() => import('./pages/seeds/seeds-page.tsx')) },
  { path: '/imports', Page: later(() => import('./pages/imports/imports-page.tsx')) },
  { path: '/types', Page: later(() => import('./pages/types/types-page.tsx')) },
  { path: '/types/:name', Page: later(() => import('./pages/types/type-page.tsx')) },
  { path: '/activations', Page: later(() => import('./pages/activations/activations-page.tsx')) },
  {
    path: '/activations/new',
    Page: later(() => import('./pages/activations/new-activation-page.tsx')),
  },
  {
    path: '/activations/:id',
    Page: later(() => import('./pages/activations/activation-page.tsx')),
  },
  { path: '/pulse', Page: later(() => import('./pages/pulse/pulse-page.tsx')) },
];

/** Whether a path has a page: what leads nowhere is not offered. */
export function hasPage(path: string): boolean {
  return PAGES.some((page) => page.path === path);
}
