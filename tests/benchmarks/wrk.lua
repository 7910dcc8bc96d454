-- Sends the requests of `asked` (path, headers, body) round and round; see driver.py.
local built, at, sent = {}, 0, 0

local function method(body)
  return body and "POST" or "GET"
end

function init()
  for index, one in ipairs(asked) do
    built[index] = wrk.format(method(one[3]), one[1], one[2], one[3])
  end
end

function request()
  at = at % #asked + 1
  if key_prefix == "" then
    return built[at]
  end
  local one = asked[at]
  sent = sent + 1
  one[2]["Idempotency-Key"] = key_prefix .. sent
  return wrk.format(method(one[3]), one[1], one[2], one[3])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'MEASURED {"answers": %d, "microseconds": %d, "refused": %d, "lost": %d, ' ..
    '"mean": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency.mean, latency:percentile(50), latency:percentile(99)))
end
