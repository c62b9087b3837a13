// The platform under load, with k6: the same calls, weights, waits and thresholds as locustfiles/platform_api.py.
//
//     k6 run k6_script.js                                      the load test: 100 users for ten minutes
//     k6 run --vus 5 --duration 2m k6_script.js                a smoke test
//     k6 run --stage 2m:200,5m:200,2m:0 k6_script.js           a stress test
//     k6 run --out json=results.json k6_script.js              with every measurement in a file
//     k6 run -e BASE_URL=http://staging.example.com k6_script.js
//
// Environment (-e NAME=value): BASE_URL; PLATFORM_TOKEN and PLATFORM_ADMIN_TOKEN, bearer tokens; TAGS and EXCLUDE_TAGS,
// as Locust has them, several with commas in between; MIN_RPS, requests per second that the run has to reach, for tests
// with users enough (500 of them make some 200); THINK_TIME, what the waits are multiplied by, 1.

import { fail, sleep } from 'k6';
import http from 'k6/http';
import { Trend } from 'k6/metrics';

const BASE_URL = (__ENV.BASE_URL || 'http://localhost:8000').replace(/\/+$/, '');
const TOKEN = __ENV.PLATFORM_TOKEN || '';
const ADMIN_TOKEN = __ENV.PLATFORM_ADMIN_TOKEN || TOKEN;
const THINK_TIME = Number(__ENV.THINK_TIME || 1);
const TAGS = words(__ENV.TAGS);
const EXCLUDE_TAGS = words(__ENV.EXCLUDE_TAGS);

const TOPICS = ['authentication', 'deployment', 'testing', 'performance', 'security'];
const KNOWN = 10; // workspaces and workflows that a user has in mind
const WORKSPACES = '/api/workspaces';
const WORKFLOWS = `${WORKSPACES}/{id}/workflows`;
const KNOWLEDGE = `${WORKSPACES}/{id}/knowledge`;

const memoryGrowth = new Trend('memory_growth'); // MB over ten minutes

export const options = {
  stages: [
    { duration: '10s', target: 100 },
    { duration: '9m50s', target: 100 },
  ],
  thresholds: {
    http_req_duration: ['p(95)<500', 'p(99)<1000'],
    http_req_failed: ['rate<0.001'],
    memory_growth: ['max<100'],
    ...(__ENV.MIN_RPS ? { http_reqs: [`rate>${__ENV.MIN_RPS}`] } : {}),
  },
};

// Of every ten users seven are of the first role, two of the second, one of the third.
const ROLES = [
  {
    weight: 7,
    wait: [1, 3],
    token: TOKEN,
    tasks: [
      { weight: 3, tags: ['health'], run: () => get('/health') },
      { weight: 5, tags: ['workspaces'], run: listWorkspaces },
      { weight: 2, tags: ['workspaces', 'write'], run: createWorkspace },
      { weight: 4, tags: ['workflows'], run: () => lookInto(workspace()) },
      { weight: 2, tags: ['workflows', 'write'], run: createWorkflow },
      { weight: 3, tags: ['execution'], run: () => get(`${WORKFLOWS}/{workflow_id}/executions`, { path: workflow() }) },
      { weight: 1, tags: ['execution', 'write'], run: execute },
      { weight: 2, tags: ['knowledge'], run: search },
      { weight: 1, tags: ['knowledge', 'write'], run: addKnowledge },
    ],
  },
  {
    weight: 2,
    wait: [2, 5],
    token: ADMIN_TOKEN,
    tasks: [
      { weight: 2, tags: ['admin', 'monitoring'], run: () => get('/api/admin/metrics') },
      { weight: 1, tags: ['admin', 'monitoring'], run: () => get('/api/admin/audit-logs', { query: 'limit=50' }) },
      { weight: 1, tags: ['admin'], run: () => get('/api/admin/users') },
      { weight: 1, tags: ['admin', 'cost'], run: () => get('/api/admin/costs', { query: 'days=7' }) },
    ],
  },
  {
    weight: 1,
    wait: [5, 10],
    token: TOKEN,
    tasks: [
      { weight: 1, tags: ['heavy', 'generation'], run: generateProject },
      { weight: 1, tags: ['heavy', 'search'], run: searchEverything },
      { weight: 1, tags: ['heavy', 'analysis'], run: analyseCodebase },
    ],
  },
]
  .map((role) => ({ ...role, tasks: role.tasks.filter((task) => isWanted(task.tags)) }))
  .filter((role) => role.tasks.length > 0);

// What this user knows; every user of k6 has variables of its own.
const PLACES = ROLES.flatMap((role) => Array(role.weight).fill(role));
let workspaces = [];
let workflows = [];

export function setup() {
  if (PLACES.length === 0) {
    fail('TAGS and EXCLUDE_TAGS leave no task to run');
  }
  return { began: Date.now(), memory: memory() };
}

export default function () {
  const role = roleOfThisUser();
  choose(role.tasks.flatMap((task) => Array(task.weight).fill(task))).run();
  sleep(THINK_TIME * (role.wait[0] + Math.random() * (role.wait[1] - role.wait[0])));
}

export function teardown({ began, memory: before }) {
  const spans = Math.max(1, (Date.now() - began) / 600000);
  memoryGrowth.add((memory() - before) / spans);
}

function roleOfThisUser() {
  return PLACES[(__VU - 1) % PLACES.length];
}

function memory() {
  const answer = http.get(`${BASE_URL}/api/admin/metrics`, parameters('/api/admin/metrics', ADMIN_TOKEN));
  const megabytes = answer.status === 200 ? answer.json('memory_mb') : undefined;
  if (typeof megabytes !== 'number') {
    fail('there is no memory_mb in the answer to GET /api/admin/metrics'); // a threshold without data would pass
  }
  return megabytes;
}

function listWorkspaces() {
  remember(workspaces, entriesIn(get(WORKSPACES)).slice(0, KNOWN).reverse().map((entry) => entry.id));
}

function createWorkspace() {
  const made = post(WORKSPACES, { name: name(), description: 'Made by a load test' });
  remember(workspaces, made ? [made.id] : []);
}

function lookInto(workspaceId) {
  const path = { id: workspaceId };
  const entries = workspaceId ? entriesIn(get(WORKFLOWS, { path })).slice(0, KNOWN).reverse() : [];
  remember(workflows, entries.map((entry) => ({ ...path, workflow_id: entry.id })));
}

function createWorkflow() {
  const path = { id: workspace() };
  const steps = [
    { name: 'generate', type: 'code_generation' },
    { name: 'validate', type: 'validation' },
  ];
  const made = post(WORKFLOWS, { name: name(), steps }, { path });
  remember(workflows, made ? [{ ...path, workflow_id: made.id }] : []);
}

function execute() {
  post(`${WORKFLOWS}/{workflow_id}/execute`, { inputs: { language: 'python' } }, { path: workflow() });
}

function search() {
  get(`${KNOWLEDGE}/search`, { path: { id: workspace() }, query: `query=${choose(TOPICS)}&limit=10` });
}

function addKnowledge() {
  const path = { id: workspace() };
  const topic = choose(TOPICS);
  const content = `What is known about ${topic}. `.repeat(10);
  post(KNOWLEDGE, { title: `loadtest about ${topic}`, content }, { path });
}

function generateProject() {
  const features = ['authentication', 'database', 'api', 'frontend', 'tests'];
  const project = { name: name(), description: 'A shop with catalogue, basket and checkout', features };
  post('/api/generator/project', project, { timeout: '60s' });
}

function searchEverything() {
  get('/api/knowledge/search', { query: `query=${choose(TOPICS)}&limit=100&include_content=true`, timeout: '30s' });
}

function analyseCodebase() {
  const codebase = { repository: 'https://git.example.com/loadtest.git', depth: 'full' };
  post('/api/analysis/codebase', codebase, { timeout: '60s' });
}

function workspace() {
  if (workspaces.length === 0) {
    listWorkspaces();
  }
  if (workspaces.length === 0 && !EXCLUDE_TAGS.includes('write')) {
    createWorkspace();
  }
  return workspaces.length > 0 ? choose(workspaces) : fail('there is no workspace');
}

function workflow() {
  if (workflows.length === 0) {
    lookInto(workspace());
  }
  if (workflows.length === 0 && !EXCLUDE_TAGS.includes('write')) {
    createWorkflow();
  }
  return workflows.length > 0 ? choose(workflows) : fail('there is no workflow');
}

function get(template, call = {}) {
  const answer = http.get(url(template, call), parameters(template, roleOfThisUser().token, call.timeout));
  return answer.status === 200 ? answer.json() : null;
}

function post(template, body, call = {}) {
  const settings = parameters(template, roleOfThisUser().token, call.timeout);
  const answer = http.post(url(template, call), JSON.stringify(body), settings);
  return answer.status >= 200 && answer.status < 300 ? answer.json() : null;
}

function url(template, { path = {}, query = '' }) {
  const filled = template.replace(/{(\w+)}/g, (_, parameter) => encodeURIComponent(path[parameter]));
  return BASE_URL + filled + (query && `?${query}`);
}

function parameters(template, token, timeout = '30s') {
  const headers = { 'Content-Type': 'application/json' };
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  return { headers, timeout, tags: { name: template } };
}

function entriesIn(answer) {
  return [answer, ...Object.values(answer || {})].find(Array.isArray) || [];
}

function remember(known, news) {
  known.push(...news);
  known.splice(0, known.length - KNOWN);
}

function isWanted(tags) {
  const isChosen = TAGS.length === 0 || tags.some((tag) => TAGS.includes(tag));
  return isChosen && !tags.some((tag) => EXCLUDE_TAGS.includes(tag));
}

function words(text) {
  return (text || '').split(',').map((word) => word.trim()).filter(Boolean);
}

function choose(items) {
  return items[Math.floor(Math.random() * items.length)];
}

function name() {
  return `loadtest-${Date.now().toString(16)}-${Math.random().toString(16).slice(2)}`;
}
