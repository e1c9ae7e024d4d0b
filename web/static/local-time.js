// Every time on the page is UTC from the server; shown here in the visitor's own zone.
const shown = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime]")) {
  time.title = time.textContent;
  time.textContent = shown.format(new Date(time.dateTime));
}
