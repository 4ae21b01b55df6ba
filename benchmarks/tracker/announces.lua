-- Announces for wrk: `wrk … -s announces.lua URL -- kept|new TORRENTS`. Each comes from a random peer of a random torrent;
-- three in ten are seeds. The info hashes are those of announce-load.ts.
local hashes, torrents, tail = {}, 1, ""
local random, format = math.random, string.format

function init(args)
  torrents = tonumber(args[2])
  math.randomseed(os.time())
  for torrent = 1, torrents do
    hashes[torrent] = format("%%ff%%%02x%%%02x%%%02x", math.floor(torrent / 65536), math.floor(torrent / 256) % 256, torrent % 256)
      .. string.rep("t", 16)
  end
  tail = " HTTP/1.1\r\nHost: localhost\r\n" .. (args[1] == "new" and "Connection: close\r\n" or "") .. "\r\n"
end

function request()
  local port = random(1024, 65535)
  return "GET /announce?info_hash=" .. hashes[random(1, torrents)] .. "&peer_id=-XX0001-" .. format("%012d", port)
    .. "&port=" .. port .. "&uploaded=0&downloaded=0&left=" .. (random(10) > 3 and 1000 or 0)
    .. "&compact=1&numwant=50" .. tail
end
