// Writes fixture-oracles.json: what three npm packages make of 2 to 16 entrants.
//   npm install brackets-manager@1.11.1 brackets-memory-db@1.0.6 \
//     tournament-organizer@4.1.1 tournament-pairings@2.0.1
//   node fixture_oracles.mjs > fixture-oracles.json
// Entrants are their places in the seeding. A match with a side that stays empty is a bye.
import { readFileSync } from 'node:fs';
import manager from 'brackets-manager';
import memory from 'brackets-memory-db';
import Organizer from 'tournament-organizer';
import * as Pairings from 'tournament-pairings';

const about = (name) => {
  const read = (file) => readFileSync(`node_modules/${name}/${file}`, 'utf8');
  const { version, license } = JSON.parse(read('package.json'));
  // tournament-organizer names its licence in the file LICENSE only.
  return { name, version, licence: license ?? read('LICENSE').split('\n')[0] };
};
const size = (n) => 2 ** Math.ceil(Math.log2(n));
const seeds = (n) => Array.from({ length: n }, (_, i) => i + 1);
const byNumber = (a, b) => a - b;

// matches: [{ part, round, sides }]; a side is a seed, 0 while it is open, or null for nobody.
// "rounds" counts the matches of each round, part by part: brackets-manager has a part for each side
// of a double elimination and for the finals, the others number all rounds through.
function facts(n, matches) {
  const real = matches.filter(({ sides }) => !sides.includes(null));
  const parts = {};
  for (const { part, round } of real) {
    parts[part] ??= {};
    parts[part][round] = (parts[part][round] ?? 0) + 1;
  }
  const start = real.filter(({ part, round }) => part === real[0].part && round === real[0].round);
  const first = start.map(({ sides }) => [...sides].sort(byNumber)).sort(([a], [b]) => a - b);
  const playing = new Set(first.flat());
  return {
    matches: real.length,
    rounds: Object.values(parts).map((rounds) => Object.values(rounds)),
    byes: seeds(n).filter((seed) => !playing.has(seed)),
    first,
  };
}

async function bracketsManager(n, type, settings) {
  const storage = new memory.InMemoryDatabase();
  const league = type === 'round_robin';
  const seeding = seeds(league ? n : size(n)).map((seed) => (seed <= n ? `${seed}` : null));
  settings.seedOrdering = [league ? 'groups.effort_balanced' : 'inner_outer'];
  const { create } = new manager.BracketsManager(storage);
  await create.stage({ tournamentId: 0, name: '-', type, seeding, settings });
  const participants = await storage.select('participant');
  const names = new Map(participants.map(({ id, name }) => [id, Number(name)]));
  const seed = (side) => (side === null ? null : side.id === null ? 0 : names.get(side.id));
  return facts(n, (await storage.select('match')).map((match) => ({
    part: match.group_id,
    round: match.round_id,
    sides: [seed(match.opponent1), seed(match.opponent2)],
  })));
}

const pairings = (n, matches, open) => facts(n, matches.map(({ round, player1, player2 }) => ({
  part: 0,
  round,
  sides: [player1 ?? open, player2 ?? open],
})));

function organizer(n, format, open, consolation = false) {
  const tournament = new Organizer().createTournament('-', {
    sorting: 'ascending',
    stageOne: { format, consolation },
  });
  for (const seed of seeds(n)) tournament.createPlayer(`${seed}`, `${seed}`).set({ value: seed });
  tournament.startTournament();
  const seed = ({ id }) => (id === null ? open : Number(id));
  return facts(n, tournament.getMatches().map((match) => ({
    part: 0,
    round: match.getRoundNumber(),
    sides: [seed(match.getPlayer1()), seed(match.getPlayer2())],
  })));
}

const oracles = {
  'brackets-manager': Object.fromEntries([
    ['league', 'round_robin', { groupCount: 1 }],
    ['double league', 'round_robin', { groupCount: 1, roundRobinMode: 'double' }],
    ['knockout', 'single_elimination', {}],
    ['knockout with third place', 'single_elimination', { consolationFinal: true }],
    ['double elimination', 'double_elimination', { grandFinal: 'simple' }],
    ['double elimination with reset', 'double_elimination', { grandFinal: 'double' }],
  ].map(([format, type, settings]) => [format, (n) => bracketsManager(n, type, settings)])),
  'tournament-organizer': {
    league: (n) => organizer(n, 'round-robin', null),
    'double league': (n) => organizer(n, 'double-round-robin', null),
    knockout: (n) => organizer(n, 'single-elimination', 0),
    'knockout with third place': (n) => organizer(n, 'single-elimination', 0, true),
    'double elimination': (n) => organizer(n, 'double-elimination', 0),
  },
  'tournament-pairings': {
    league: (n) => pairings(n, Pairings.RoundRobin(seeds(n), 1, true), null),
    knockout: (n) => pairings(n, Pairings.SingleElimination(seeds(n), 1, false, true), 0),
    'knockout with third place': (n) =>
      pairings(n, Pairings.SingleElimination(seeds(n), 1, true, true), 0),
    'double elimination': (n) => pairings(n, Pairings.DoubleElimination(seeds(n), 1, true), 0),
  },
};

const out = {
  note: 'Made by fixture_oracles.mjs: counts and first pairings, no code. '
    + 'tournament-organizer takes its pairings from tournament-pairings.',
  packages: [],
};
for (const [name, formats] of Object.entries(oracles)) {
  const found = {};
  for (const [format, make] of Object.entries(formats)) {
    found[format] = {};
    for (const n of seeds(16).slice(1)) {
      try {
        found[format][n] = await make(n);
      } catch (error) {
        found[format][n] = { error: error.message };
      }
    }
  }
  out.packages.push({ ...about(name), formats: found });
}
// One line for each number of entrants.
const text = JSON.stringify(out, null, 1);
console.log(text.replace(/\n {6,}/g, ' ').replace(/\n {5}(?=\})/g, ' '));
