// Copying to the clipboard, also where the page came without TLS and browsers offer no clipboard to scripts.

import { h } from './dom.js';
import { t } from './words.js';

async function copied(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = h('textarea', { class: 'unseen', value: text });
  document.body.append(field);
  field.select();
  const isDone = document.execCommand('copy');
  field.remove();
  if (!isDone) throw new Error('the browser refused to copy');
}

/** A button that copies what `text` returns, and says so. */
export function copyButton(label, text) {
  const button = h('button', { type: 'button' }, label);
  button.addEventListener('click', async () => {
    button.textContent = await copied(text()).then(() => t('clipboard.done'), () => t('clipboard.refused'));
    button.focus();
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}
