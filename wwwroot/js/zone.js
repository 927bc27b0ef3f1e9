/** The browser's IANA time zone, for showing times where the reader is. */
export function zone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
