// k6 with the same protobuf work as everybody else: one message encoded and one decoded per request, by protobufjs'
// static code. k6 runs dist/bundle.js, which `npm ci` makes of it.
import './text_decoder.js';
import http from 'k6/http';
import { headers, judge, paced, slowly } from './common.js';
import { chater } from './dist/messages.js';

export { handleSummary, options } from './common.js';

const parameters = { headers, responseType: 'binary' };
const photo = __ENV.BENCH_MESSAGE === 'photo';
const photoData = photo ? new Uint8Array(open(__ENV.BENCH_PHOTO, 'b')) : null;
const Request = photo ? chater.PhotoMessage : chater.ModifyFoodRecordRequest;
const Answer = photo ? chater.PhotoResponse : chater.ModifyFoodRecordResponse;

function message() {
  return photo
    ? { time: '2026-11-20T21:33:11.479Z', photoData, photoType: 'default_prompt' }
    : { time: 1795222391479, userEmail: 'load@example.com', percentage: 200 };
}

function post(url, keep) {
  const bytes = Request.encode(message()).finish();
  // The bytes may be a view of protobufjs' pool; k6 sends whole buffers.
  const body = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const response = http.post(url, body, parameters);
  judge(response, response.status === 200 && Answer.decode(new Uint8Array(response.body)).success, keep);
}

export default function load() {
  paced(post);
}

export function slow() {
  slowly(post);
}
