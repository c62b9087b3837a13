-- wrk with bytes that were encoded before the run; the answer is looked at by its status alone.
-- bench/contenders.py says what to send in the environment.
local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-protobuf"
wrk.body = file:read("*a")
file:close()

function done(summary, latency)
  local errors, failures = summary.errors, {}
  for _, kind in ipairs({ "connect", "read", "write", "status", "timeout" }) do
    if errors[kind] > 0 then
      failures[#failures + 1] = string.format('"%d × %s"', errors[kind], kind)
    end
  end
  local report = assert(io.open(os.getenv("BENCH_REPORT"), "w"))
  report:write(string.format('{"requests": %d, "failures": [%s], "times": {"reported": '
    .. '{"p50_ms": %f, "p99_ms": %f, "count": %d}}}', summary.requests, table.concat(failures, ", "),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.requests))
  report:close()
end
