// How a node is, in a word.

import { h } from './dom.js';
import { instant } from './time.js';
import { t } from './words.js';

/** Whether a node is ready, as its events say it; `removed` since when it is in the cluster no more, if so. */
export const nodeState = (ready, removed) =>
  removed ? h('span', { class: 'badge', title: t('nodes.removed_since', { time: instant(removed) }) }, t('nodes.removed'))
    : ready === true ? h('span', { class: 'badge good' }, t('nodes.ready'))
      : ready === false ? h('span', { class: 'badge level-error' }, t('nodes.not_ready'))
        : h('span', { class: 'faint', title: t('nodes.unknown_hint') }, t('nodes.unknown'));
