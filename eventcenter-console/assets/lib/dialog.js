// A question that has to be answered before anything else: the browser's own modal dialog, with a form in it.

import { h, put } from './dom.js';
import { t } from './words.js';

let dialogs = 0;

/**
 * Shows it, with the focus in its first field.
 *
 * @param {object} told
 * @param {string} told.title
 * @param {Node | Node[]} told.content
 * @param {string} [told.action] what the button says that does it; none: there is only something to read
 * @param {() => Promise<unknown>} [told.onDone] does it; what it throws is shown, and then, as for `false`, the dialog
 *   stays open
 */
export function dialog({ title, content, action, onDone }) {
  const id = `dialog-${(dialogs += 1)}`;
  const wrong = h('p', { class: 'notice bad', role: 'alert', hidden: true });
  const cancel = h('button', { type: 'button', onclick: () => box.close() }, action ? t('dialog.cancel') : t('dialog.close'));
  const done = action && h('button', { class: 'primary' }, action);
  const box = h('dialog', { 'aria-labelledby': id }, h(
    'form',
    { onsubmit: submitted },
    h('h2', { id }, title), content, wrong, h('div', { class: 'quick answers' }, cancel, done),
  ));

  async function submitted(event) {
    event.preventDefault();
    if (!done) return box.close();
    done.disabled = true;
    wrong.hidden = true;
    try {
      if ((await onDone()) !== false) box.close();
    } catch (error) {
      wrong.hidden = false;
      put(wrong, error.message || t('shell.no_answer'));
    }
    done.disabled = false;
  }

  box.addEventListener('close', () => box.remove());
  document.body.append(box);
  box.showModal();
  // The browser would take the first button where nothing is to be filled in.
  (box.querySelector('input, textarea, select') ?? cancel).focus();
}
