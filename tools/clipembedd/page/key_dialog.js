// Asks for the service's API key. It is kept in sessionStorage: in this tab, until it is closed.
import { apiKey } from './service.js';

/** `onkey()` is called once a key is there, `onrefuse()` where the person gives none. Returns what opens it. */
export function keyDialog(dialog, onkey, onrefuse) {
  const input = dialog.querySelector('#key-input');
  dialog.querySelector('#key-cancel').addEventListener('click', () => dialog.close());
  dialog.querySelector('#key-form').addEventListener('submit', () => apiKey.set(input.value.trim()));
  dialog.addEventListener('close', () => {
    input.value = '';
    if (apiKey.get()) onkey();
    else onrefuse();
  });
  return () => {
    if (dialog.open) return;
    const wrong = Boolean(apiKey.get());
    apiKey.set('');
    dialog.querySelector('#key-title').textContent = wrong ? 'That key was not accepted' : 'This service asks for a key';
    dialog.showModal();
  };
}
