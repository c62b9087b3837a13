// Runs k6_script.js without k6: `node k6_in_node.mjs SCRIPT USERS ITERATIONS [NAME=value …]`. Prints what it called, by
// role, and how long it waited, as JSON. Chance comes from a seed.

import { readFileSync } from 'node:fs';

const [file, users, iterations, ...settings] = process.argv.slice(2);
const calls = {};
const waits = {};
let user = 0;
let seed = 12345;

globalThis.__ENV = Object.fromEntries(settings.map((setting) => setting.split('=')));
Math.random = () => {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return ((seed >> 8) % 65536) / 65536;
};

const answers = {
  'GET /health': { status: 'healthy' },
  'GET /api/admin/metrics': { memory_mb: 50 },
  'POST /api/workspaces': { id: 'ws' },
  'POST /api/workspaces/{id}/workflows': { id: 'wf' },
};

function exchange(method, url, parameters) {
  const call = `${method} ${parameters.tags.name}`;
  calls[user] = calls[user] || {};
  calls[user][call] = (calls[user][call] || 0) + 1;
  if (/[{}]|undefined/.test(url)) {
    throw new Error(`${url} is not filled in`);
  }
  const answer = answers[call] || [{ id: 'x' }];
  return { status: 200, json: (key) => (key ? answer[key] : answer) };
}

globalThis.k6 = {
  http: {
    get: (url, parameters) => exchange('GET', url, parameters),
    post: (url, body, parameters) => exchange('POST', url, parameters, JSON.parse(body)),
  },
  sleep: (seconds) => (waits[user] = [...(waits[user] || []), seconds]),
  fail: (text) => {
    throw new Error(text);
  },
  Trend: class {
    add() {}
  },
};

const script = readFileSync(file, 'utf-8')
  .replace("import { fail, sleep } from 'k6';", 'const { fail, sleep } = k6;')
  .replace("import http from 'k6/http';", 'const { http } = k6;')
  .replace("import { Trend } from 'k6/metrics';", 'const { Trend } = k6;');

let options = {};
for (let number = 1; number <= Number(users); number += 1) {
  // Every user of k6 has variables of its own, so each gets a module.
  const source = `${script}\n// ${number}`;
  const module = await import(`data:text/javascript;base64,${Buffer.from(source).toString('base64')}`);
  options = module.options;
  globalThis.__VU = 0;
  user = 0;
  const data = number === 1 ? module.setup() : null;
  user = globalThis.__VU = number;
  for (let iteration = 0; iteration < Number(iterations); iteration += 1) {
    module.default();
  }
  user = 0;
  if (data) {
    module.teardown(data);
  }
}
const spans = Object.entries(waits).map(([who, all]) => [who, [Math.min(...all), Math.max(...all)]]);
console.log(JSON.stringify({ calls, waits: Object.fromEntries(spans), options }));
