// k6 with bytes that were encoded before the run; the answer is looked at by its status alone.
import http from 'k6/http';
import { headers, judge, paced, slowly } from './common.js';

export { handleSummary, options } from './common.js';

const body = open(__ENV.BENCH_BODY, 'b');
const parameters = { headers, responseType: 'none' };

function post(url, keep) {
  const response = http.post(url, body, parameters);
  judge(response, response.status === 200, keep);
}

export default function load() {
  paced(post);
}

export function slow() {
  slowly(post);
}
