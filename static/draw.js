"use strict";
// The arithmetic of the draw, as docs/draw.md has it. No other file is needed but sha256, since
// browsers have no crypto.subtle on plain http.

const bytes = (hex) => hex.match(/../g).map((two) => parseInt(two, 16));
const hex = (list) => Array.from(list, (byte) => byte.toString(16).padStart(2, "0")).join("");
const randomHex = (count) => hex(crypto.getRandomValues(new Uint8Array(count)));

// JSON as it is hashed: one line with sorted keys.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
}

const sealOf = ({ protocol, code, secret }) => sha256(`${protocol}|${code}|${secret}`);
const shareOf = (key, code, player, value) => sha256.hmac(bytes(key), `lct share v2|${code}|${player}|${value}`);
const pledgeOf = (code, player, share) => sha256(`lct share v2|${code}|${player}|${share}`);

// Of a record, which is what draw.json holds.
function fingerprintOfPicks({ attempt, code, option, picks, protocol, roll, seal }) {
  const rows = picks.map(({ player_id: id, team, pledge }) => [id, team, pledge]);
  return sha256(canonical({ attempt, code, option, picks: rows, protocol, roll, seal }));
}
function fingerprintOfShares(picksFingerprint, shares) {
  const rows = shares.map(({ player_id: id, share }) => [id, share]);
  return sha256(canonical({ picks: picksFingerprint, shares: rows }));
}

function message(record) {
  const { attempt, number, picks, protocol, shares_fingerprint: shares } = record;
  if (protocol === "lct draw v2") return canonical({ number, shares });
  return canonical({ attempt, picks: picks.map(({ player_id: id, team, value }) => [id, team, value]) });
}

function* numbers(secret, text) {
  const start = [...new TextEncoder().encode(text)];
  for (let counter = 0; ; counter += 1) {
    const place = [0, 0, 0, 0, ...bytes(counter.toString(16).padStart(8, "0"))];
    const block = new DataView(sha256.hmac.arrayBuffer(bytes(secret), [...start, ...place]));
    for (let at = 0; at < 32; at += 4) yield block.getUint32(at);
  }
}

function below(n, stream) {
  const limit = 2 ** 32 - (2 ** 32 % n);
  let number;
  do number = stream.next().value; while (number >= limit);
  return number % n;
}

function handOut(record) {
  const own = record.picks.map(({ team }) => team), stream = numbers(record.secret, message(record));
  for (;;) {
    const teams = [...own];
    for (let i = teams.length - 1; i > 0; i -= 1) {
      const j = below(i + 1, stream);
      [teams[i], teams[j]] = [teams[j], teams[i]];
    }
    if (record.option !== "not-own" || teams.every((team, i) => team !== own[i])) return teams;
  }
}

// --- what this browser keeps of a tournament ----------------------------------------------------

// {keys: {player: [key, …]}, opened: {attempt: {picks, shares: {player: share}, closed}}, seals:
// {attempt: {seal, from}}}. The first key is the one that pledges; others came with links to the seat.
// Keys leave the browser only behind the # of such a link. The rest is what the check after the draw
// compares: the fingerprints that this phone saw before the last card, and the shares that it sent.
const memory = {}; // what the storage refused, for as long as the page is open
function kept(code) {
  try {
    return memory[code] ?? JSON.parse(localStorage.getItem(`lct:${code}`)) ?? {};
  } catch {
    return {};
  }
}
function keep(code, change) {
  const now = change(kept(code));
  try {
    localStorage.setItem(`lct:${code}`, JSON.stringify(now));
  } catch {
    memory[code] = now; // full or forbidden
  }
}
