// What both k6 contenders have in common: how many virtual users, how often, which answers are right, and a report.
// bench/contenders.py says all of it in the environment.
import exec from 'k6/execution';
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const users = Number(__ENV.BENCH_USERS);
const duration = `${__ENV.BENCH_SECONDS}s`;
const slowUrl = __ENV.BENCH_SLOW_URL;
const pacing = Number(__ENV.BENCH_PACING);
const warmUp = Number(__ENV.BENCH_WARM_UP) * 1000;
const keepTimes = Boolean(__ENV.BENCH_TIMES);

export const url = __ENV.BENCH_URL + __ENV.BENCH_PATH;
export const headers = { 'Content-Type': 'application/x-protobuf' };

const wrong = new Counter('wrong');
const answerTime = new Trend('answer_time', true);

function scenarios() {
  const shape = { executor: 'constant-vus', duration, gracefulStop: '2s' };
  const found = {};
  const others = slowUrl ? users - 1 : users;
  if (others) found.load = { ...shape, vus: others };
  if (slowUrl) found.slow = { ...shape, vus: 1, exec: 'slow' };
  return found;
}

export const options = {
  scenarios: scenarios(),
  insecureSkipTLSVerify: true,
  summaryTrendStats: ['med', 'p(99)', 'count'],
};

// One iteration: `post` makes a request to that URL and says whether its answer is right.
export function paced(post) {
  if (!pacing) {
    post(url, keepTimes && !slowUrl);
    return;
  }
  if (__ITER === 0) sleep(Math.random() * 4 * pacing);
  const began = Date.now();
  post(url, keepTimes);
  sleep(Math.max(0, pacing - (Date.now() - began) / 1000));
}

export function slowly(post) {
  post(`${slowUrl}/slow`, keepTimes);
}

export function judge(response, right, keep) {
  if (!right) wrong.add(1);
  if (keep && exec.instance.currentTestRunDuration > warmUp) answerTime.add(response.timings.duration);
}

export function handleSummary(data) {
  const value = (metric, key) => (data.metrics[metric] ? data.metrics[metric].values[key] : 0);
  const failures = value('wrong', 'count') ? [`${value('wrong', 'count')} × wrong answer`] : [];
  const count = value('answer_time', 'count');
  const reported = { p50_ms: value('answer_time', 'med'), p99_ms: value('answer_time', 'p(99)'), count };
  const report = { requests: value('http_reqs', 'count'), failures, times: count ? { reported } : {} };
  return { [__ENV.BENCH_REPORT]: JSON.stringify(report) };
}
