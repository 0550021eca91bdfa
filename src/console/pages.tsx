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
  { path: '/segments', Page: lazy(() => import('./pages/segments/segments-page.tsx')) },
  { path: '/segments/new', Page: lazy(() => import('./pages/builder/new-page.tsx')) },
  { path: '/segments/:slug/edit', Page: lazy(() => import('./pages/builder/edit-page.tsx')) },
  { path: '/segments/:slug', Page: lazy(() => import('./pages/segment/members-page.tsx')) },
  { path: '/segments/:slug/members', Page: lazy(() => import('./pages/segment/members-page.tsx')) },
  { path: '/segments/:slug/feed', Page: lazy(() => import('./pages/segment/feed-page.tsx')) },
];

/** Whether a path has a page: what leads nowhere is not offered. */
export function hasPage(path: string): boolean {
  return PAGES.some((page) => page.path === path);
}
