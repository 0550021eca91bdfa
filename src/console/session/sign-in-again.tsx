/**
 * sign-in-again.tsx – Sign-in over a page whose session has ended.
 */
import { Dialog } from 'react-aria-components/Dialog';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import { SignIn } from './sign-in.tsx';

export default function SignInAgain({ isOpen }: { readonly isOpen: boolean }) {
  return (
    <ModalOverlay className="veil" isOpen={isOpen} isKeyboardDismissDisabled>
      <Modal className="dialog is-narrow">
        <Dialog aria-label="Sign in again">
          <SignIn isOver />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
