// What a reader likes, and keeps for a year: language, theme, time zone. Cookies, so that the shell knows them too.

const root = document.documentElement;

function keep(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=strict`;
}

/** `utc` or `local`. */
export const zone = () => root.dataset.zone;

/** `auto`, `light` or `dark`. */
export const theme = () => root.dataset.theme;

export function setTheme(value) {
  root.dataset.theme = value;
  keep('theme', value);
}

/** Times are written anew everywhere: whoever shows them listens to `taste`. */
export function setZone(value) {
  root.dataset.zone = value;
  keep('zone', value);
  dispatchEvent(new Event('taste'));
}

/** The shell says it in the other language. */
export function setLanguage(value) {
  keep('language', value);
  location.reload();
}
