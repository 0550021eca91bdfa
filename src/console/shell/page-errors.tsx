/**
 * page-errors.tsx – A page that fails is said to have failed; navigation goes on to work.
 */
import { Component, type ReactNode } from 'react';
import { ErrorView } from '../parts/states.tsx';

interface PageErrorsState {
  readonly error?: unknown;
}

export class PageErrors extends Component<{ readonly children: ReactNode }, PageErrorsState> {
  override readonly state: PageErrorsState = {};

  static getDerivedStateFromError(error: unknown): PageErrorsState {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return <ErrorView error={this.state.error} onRetry={() => location.reload()} />;
  }
}
