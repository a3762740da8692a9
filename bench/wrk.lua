-- Sends prepared requests, one a line: method, path, body, idempotency key, with tabs between.
-- wrk -s wrk.lua URL -- FILE cycle|once
local requests, at, cycles = {}, 0, false

function init(arguments)
  for line in io.lines(arguments[1]) do
    requests[#requests + 1] = line
  end
  cycles = arguments[2] == "cycle"
end

function request()
  at = at + 1
  if at > #requests then
    if not cycles then
      error("the prepared requests are used up")
    end
    at = 1
  end
  local method, path, body, key = requests[at]:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)$")
  local headers = { ["Host"] = wrk.headers["Host"] }
  if body ~= "" then
    headers["Content-Type"] = "application/json"
  else
    body = nil
    if method == "POST" then
      headers["Content-Length"] = "0"
    end
  end
  if key ~= "" then
    headers["Idempotency-Key"] = key
  end
  return wrk.format(method, path, headers, body)
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "largest_ms": %.3f, '
      .. '"refused": %d, "lost": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
