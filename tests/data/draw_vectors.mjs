// Writes draw-v2.json: test vectors of "lct draw v2", made by a second implementation.
//   node draw_vectors.mjs draw-v2.json      (without a path: to the standard output)
// It was written from docs/draw.md alone, without a look at lct's code. Node 20, no packages.
// All random bytes are hashes of a label and a counter, so two runs write the same file.
// A vector is { name, file, messages, holds }. The messages are computed from the file's picks,
// shares and number; fingerprints in them are recomputed, not the ones that the file states.
import { createHash, createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';

// The protocol.

const PROTOCOL = 'lct draw v2';
const sha256 = (text) => createHash('sha256').update(text, 'utf8').digest('hex');
const isHex = (text) => typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);

const SHORT = {
  '"': '\\"', '\\': '\\\\', '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r',
};
const escaped = (char) => SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
const quoted = (text) => `"${text.replace(/["\\\u0000-\u001f]/g, escaped)}"`;

function line(value) {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map(line).join(',')}]`;
  if (value === null || typeof value !== 'object') return String(value);
  const entry = (key) => `${quoted(key)}:${line(value[key])}`;
  return `{${Object.keys(value).sort().map(entry).join(',')}}`;
}

const sealOf = ({ code, secret }) => sha256(`lct draw v2|${code}|${secret}`);
const pledgeOf = (code, player, share) => sha256(`lct share v2|${code}|${player}|${share}`);

function messagesOf({ attempt, code, option, picks, roll, seal, shares, number }) {
  const triples = picks.map(({ player_id, team, pledge }) => [player_id, team, pledge]);
  const first = line({ attempt, code, option, picks: triples, protocol: PROTOCOL, roll, seal });
  const pairs = shares.map(({ player_id, share }) => [player_id, share]);
  const second = line({ picks: sha256(first), shares: pairs });
  return { picks: first, shares: second, message: line({ number, shares: sha256(second) }) };
}

function* numbers(secret, message) {
  const key = Buffer.from(secret, 'hex');
  for (let i = 0n; ; i += 1n) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(i);
    const block = createHmac('sha256', key).update(message, 'utf8').update(counter).digest();
    for (let at = 0; at < 32; at += 4) yield block.readUInt32BE(at);
  }
}

// `seen` counts what a draw came across: numbers discarded, and shuffles.
function below(n, stream, seen) {
  for (;;) {
    const { value } = stream.next();
    if (value < 2 ** 32 - (2 ** 32 % n)) return value % n;
    seen.discarded += 1;
  }
}

function shuffled(teams, stream, seen) {
  const places = [...teams];
  seen.shuffles += 1;
  for (let i = places.length - 1; i > 0; i -= 1) {
    const j = below(i + 1, stream, seen);
    [places[i], places[j]] = [places[j], places[i]];
  }
  return places;
}

function handsOf(file, seen = { discarded: 0, shuffles: 0 }) {
  const stream = numbers(file.secret, messagesOf(file).message);
  const own = file.picks.map(({ team }) => team);
  for (;;) {
    const hands = shuffled(own, stream, seen);
    if (file.option === 'plain' || hands.every((team, k) => team !== own[k])) return hands;
  }
}

function holds(file) {
  const { picks, shares } = messagesOf(file);
  const senders = file.shares.map(({ player_id }) => player_id);
  const order = file.picks.map(({ player_id }) => player_id).filter((id) => senders.includes(id));
  const pledges = new Map(file.picks.map(({ player_id, pledge }) => [player_id, pledge]));
  const without = file.picks.map(({ player_id }) => player_id).filter((id) => !senders.includes(id));
  const fits = ({ player_id, share }) =>
    isHex(share) && pledges.get(player_id) === pledgeOf(file.code, player_id, share);
  return file.protocol === PROTOCOL
    && isHex(file.secret) && file.seal === sealOf(file)
    && line(senders) === line(order) && file.shares.every(fits)
    && file.picks_fingerprint === sha256(picks) && file.shares_fingerprint === sha256(shares)
    && line(file.missing.map(({ player_id }) => player_id)) === line(without)
    && (file.roll || file.number === '')
    && line(file.given) === line(handsOf(file));
}

// The players and teams.

const ODD = [
  'Żółć Gęślą Jaźń', 'The "Reds"', 'back\\slash\\n', 'one\u0001two', 'tab\there', 'del\u007fete',
  'line\u2028separator', '𝔘nion 🦊', 'a/b <i>&amp;</i>', 'lines\n\r\b\f\u000b\u001f\u0000',
  'é', 'e\u0301', 'next\u0085line', '\ufeffBOM', '\ue000\uffff', 'שלום ‏FC', ' space ',
];
const ODD_NUMBER = '"six" \\ \t🎲 é \u2028\u0001';
const teamName = (k) => (k < ODD.length ? ODD[k] : `FC №${k}`);
const NAMES = [
  'Ann', 'Zoë', 'Łukasz', 'Ольга', 'Ελένη', '明子', '지훈', 'أمل', 'דנה', 'प्रिया', 'ນາງ', '🦊',
  "D'Arcy \"DJ\"", 'A\\B',
];
const nameOf = (k) => (k < NAMES.length ? NAMES[k] : `Guest ${k}`);

const IN = 'in';
const NO_PLEDGE = ['no-script', 'host'];

// `states` says for the player of pick k "in", or why the share is missing.
function drawn(options) {
  const { label, n, option = 'plain', attempt = 1, roll = false, number = '', states } = options;
  const { first = 0 } = options;
  let counter = -1;
  const random = () => sha256(`${label}|${counter += 1}`);
  const letter = (digit) => 'BCDFGHJKMNPQRTVW'[parseInt(digit, 16)];
  const code = Array.from(random().slice(0, 8), letter).join('');
  const secret = random();
  const seal = sealOf({ code, secret });
  const file = { protocol: PROTOCOL, code, attempt, option, seal, secret, roll, number };
  Object.assign(file, { picks: [], shares: [], missing: [] });
  for (let k = 0; k < n; k += 1) {
    const [player_id, share, why] = [random().slice(0, 6), random(), states(k)];
    const pledge = NO_PLEDGE.includes(why) ? '' : pledgeOf(code, player_id, share);
    file.picks.push({ player_id, team: teamName(first + k), pledge });
    if (why === IN) file.shares.push({ player_id, share });
    else file.missing.push({ player_id, why });
  }
  Object.assign(file, { picks_fingerprint: '', shares_fingerprint: '', given: [] });
  file.names = file.picks.map((_, k) => nameOf(k + first));
  return redone(file);
}

function redone(file) {
  const { picks, shares } = messagesOf(file);
  file.picks_fingerprint = sha256(picks);
  file.shares_fingerprint = sha256(shares);
  file.given = handsOf(file);
  return file;
}

// The vectors.

const vectors = [];
const counts = {};

function vector(name, file, expected) {
  if (vectors.some((other) => other.name === name)) throw new Error(`twice: ${name}`);
  if (holds(file) !== expected) throw new Error(`not as expected: ${name}`);
  counts[name] = { discarded: 0, shuffles: 0 };
  handsOf(file, counts[name]);
  vectors.push({ name, file, messages: messagesOf(file), holds: expected });
}

const all = () => IN;
const nobody = (k) => NO_PLEDGE[k % 2];
const every = ['in', 'asleep', 'in', 'away', 'silent', 'in', 'no-script', 'host'];
const mixed = (k) => every[k % every.length];
const few = (k) => (k % 5 ? nobody(k) : every[(k / 5) % 6]);
const asleep = () => 'asleep';
const PLAIN = { option: 'plain' };
const NOT_OWN = { option: 'not-own' };

const SOUND = [
  ['2 players, plain, all shares', { n: 2, ...PLAIN, states: all }],
  ['2 players, not own, all shares', { n: 2, ...NOT_OWN, states: all }],
  [
    '2 players, not own, no pledge, number',
    { n: 2, ...NOT_OWN, states: nobody, roll: true, number: '4 + 3' },
  ],
  [
    '2 players, not own, several shuffles',
    { n: 2, ...NOT_OWN, states: all, attempt: 12, roll: true, number: 'again 22' },
  ],
  [
    '3 players, not own, one share missing, number',
    { n: 3, ...NOT_OWN, states: (k) => (k === 1 ? 'silent' : IN), roll: true, number: 'Q♥' },
  ],
  ['3 players, plain, number skipped', { n: 3, ...PLAIN, states: all, roll: true, first: 8 }],
  ['3 players, plain, pledges but no share in', { n: 3, ...PLAIN, states: asleep, first: 10 }],
  [
    '8 players, plain, all shares, number',
    { n: 8, ...PLAIN, states: all, roll: true, number: '4 + 3' },
  ],
  [
    '8 players, not own, every reason, odd number',
    { n: 8, ...NOT_OWN, states: mixed, roll: true, number: ODD_NUMBER, first: 8 },
  ],
  [
    '8 players, not own, no share, skipped, attempt 2',
    { n: 8, ...NOT_OWN, states: nobody, roll: true, attempt: 2 },
  ],
  [
    '3 players, plain, number of 40 characters',
    { n: 3, ...PLAIN, states: nobody, roll: true, number: '🎲'.repeat(40) },
  ],
  ['16 players, plain, no pledge', { n: 16, ...PLAIN, states: nobody }],
  [
    '16 players, not own, every reason, attempt 2',
    { n: 16, ...NOT_OWN, states: mixed, attempt: 2 },
  ],
  [
    '33 players, not own, every reason, number',
    { n: 33, ...NOT_OWN, states: few, roll: true, number: 'Q♥' },
  ],
  ['64 players, plain, every reason', { n: 64, ...PLAIN, states: few, attempt: 12 }],
];
for (const [name, options] of SOUND) vector(name, drawn({ label: name, ...options }), true);

// With this number, which was found by a search, the stream has a number that must be discarded.
const DISCARD = { label: 'discard', n: 64, ...NOT_OWN, states: nobody, roll: true };
const NUMBER = '13152419';
const discards = drawn({ ...DISCARD, number: NUMBER });
vector('64 players, not own, no pledge, one number discarded', discards, true);

// Sound files with one thing wrong. "then redone": fingerprints and hands are computed anew from
// the changed file, so only the rule itself is broken.
const base = (more = {}) => drawn({
  label: 'base', n: 3, states: (k) => ['in', 'in', 'host'][k], ...more,
});
const DICE = { roll: true, number: '4 + 3' };
const ASLEEP = { states: (k) => ['in', 'in', 'asleep'][k] };
const otherDigit = (text, at = 5) =>
  text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1);
const swap = (list, i, j) => { [list[i], list[j]] = [list[j], list[i]]; };
const digit = (key) => (file) => { file[key] = otherDigit(file[key]); };
const set = (key, value) => (file) => { file[key] = value; };
const dropShare = (file) => {
  const [{ player_id }] = file.shares.splice(1, 1);
  file.missing.unshift({ player_id, why: 'silent' });
};
const dropShareAndPrints = (file) => {
  const { given } = file;
  dropShare(file);
  redone(file).given = given;
};
const addShare = (k) => (file) => {
  const { player_id } = file.picks[k];
  file.missing = file.missing.filter((one) => one.player_id !== player_id);
  file.shares.splice(2, 0, { player_id, share: sha256('made up') });
};
const swapShares = ({ shares }) => {
  [shares[0].share, shares[1].share] = [shares[1].share, shares[0].share];
};

const WRONG = [
  ['another secret', set('secret', sha256('another'))],
  ['the seal has another digit', digit('seal')],
  ['a share has another digit', ({ shares }) => { shares[1].share = otherDigit(shares[1].share); }],
  ['a share is doubled', ({ shares }) => { shares.splice(1, 0, { ...shares[1] }); }],
  ['two shares swapped between players', swapShares],
  ['a share of a player without a pledge', addShare(2)],
];
const KEPT = [
  ['a share dropped', dropShare],
  ['a share dropped, fingerprints anew, hands kept', dropShareAndPrints, { label: 'other hands' }],
  ['a pledge has another digit', ({ picks }) => {
    picks[2].pledge = otherDigit(picks[2].pledge);
  }, ASLEEP],
  ['a pledge emptied', ({ picks }) => { picks[2].pledge = ''; }, ASLEEP],
  ['the number changed', set('number', '4 + 4'), DICE],
  ['the number removed', set('number', ''), DICE],
  ['a number typed where it was skipped', set('number', '7'), { roll: true }],
  ['roll changed', set('roll', true)],
  ['two picks swapped', ({ picks }) => swap(picks, 0, 1)],
  ['two teams swapped', ({ picks }) => {
    [picks[1].team, picks[2].team] = [picks[2].team, picks[1].team];
  }],
  ['plain changed to not own', set('option', 'not-own')],
  ['not own changed to plain', set('option', 'plain'), NOT_OWN],
  ['attempt changed', set('attempt', 2)],
  ['code changed', (file) => { file.code = 'BB3K7QXM'; file.seal = sealOf(file); }],
  ['two hands swapped', ({ given }) => swap(given, 0, 1)],
  ['a team given twice', ({ given }) => { [given[1]] = given; }],
  ['a hand missing', ({ given }) => { given.pop(); }],
  ['picks_fingerprint changed', digit('picks_fingerprint')],
  ['shares_fingerprint changed', digit('shares_fingerprint')],
  ['a share dropped, only the hands anew', (file) => {
    dropShare(file);
    file.given = handsOf(file);
  }],
  ['two shares in another order, then redone', (file) => {
    swap(file.shares, 0, 1);
    redone(file);
  }],
  ['a share that does not fit the pledge of a missing one, then redone', (file) => {
    addShare(2)(file);
    redone(file);
  }, ASLEEP],
  ['a share dropped and not named, then redone', (file) => {
    dropShare(file);
    file.missing.shift();
    redone(file);
  }],
  ['a share that is in, named as missing', ({ missing, picks }) => {
    missing.unshift({ player_id: picks[0].player_id, why: 'away' });
  }],
  ['a share of nobody, then redone', (file) => {
    file.shares.push({ player_id: 'abcdef', share: sha256('stranger') });
    redone(file);
  }],
  ['a seal of protocol v1, then redone', (file) => {
    file.seal = sha256(`lct draw v1|${file.code}|${file.secret}`);
    redone(file);
  }],
  ['a pledge of another tournament, then redone', (file) => {
    const { player_id, share } = file.shares[0];
    file.picks[0].pledge = pledgeOf('BB3K7QXM', player_id, share);
    redone(file);
  }],
  ['a pledge copied with its share, then redone', (file) => {
    file.picks[1].pledge = file.picks[0].pledge;
    file.shares[1].share = file.shares[0].share;
    redone(file);
  }],
  ['the pledge of a share that is in changed, then redone', (file) => {
    file.picks[0].pledge = otherDigit(file.picks[0].pledge);
    redone(file);
  }],
];

const wrong = (name, change, options) => {
  const file = base(options);
  change(file);
  vector(`wrong: ${name}`, file, false);
};
for (const [name, change] of WRONG) {
  wrong(name, change);
  wrong(`${name}, then redone`, (file) => { change(file); redone(file); });
}
for (const [name, change, options] of KEPT) wrong(name, change, options);
const number = (file) => { file.number = '4 + 3'; };
wrong('a number although roll is false', number);
wrong('a number although roll is false, then redone', (file) => { number(file); redone(file); });

// These stay raw in hashed JSON and are escaped here, so that a line of this file stays a line.
const text = (value) => JSON.stringify(value).replace(
  /[\u007f-\u009f\u2028\u2029\ufeff\uffff\ue000\u200f]/g,
  escaped,
);
const out = `[\n${vectors.map(text).join(',\n')}\n]\n`;
if (process.argv[2]) writeFileSync(process.argv[2], out);
else process.stdout.write(out);
if (process.env.COUNTS) console.error(counts);
