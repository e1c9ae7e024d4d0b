// The waiting room: asks every few seconds whether the proctor has let the candidate in, and shows the new page when so.
const room = document.getElementById("wait");

async function look() {
  try {
    const answer = await fetch(room.dataset.here, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(10_000) });
    const changed = !answer.ok || (await answer.json()).status !== room.dataset.status;
    if (changed && answer.status < 500) return location.reload();
  } catch {
    // no connection: ask again
  }
  setTimeout(look, 4_000);
}

setTimeout(look, 4_000);
