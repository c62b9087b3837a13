// What the Socket.IO contenders are raced against: the reference server, which counts what it has done.
//
// Its first line says which port. `GET /counts` answers with the counters; the connections are those of Engine.IO, the
// namespace connects those of Socket.IO, and a wrong emit is one with other data than every contender sends.
import { createServer } from "node:http";

import { Server } from "socket.io";

const counts = { acks: 0, wrong: 0, connections: 0, namespaces: 0, open: 0, ended: 0, pongs: 0, refused: 0 };
const pongs = new Map();

const server = createServer((request, response) => {
  if (request.url !== "/counts") {
    counts.refused += 1;
    response.writeHead(404).end();
    return;
  }
  const fewest = Math.min(...pongs.values());
  response.end(JSON.stringify({ ...counts, fewest_pongs: Number.isFinite(fewest) ? fewest : 0 }));
});

const io = new Server(server, { serveClient: false });

io.engine.on("connection", (connection) => {
  counts.connections += 1;
  counts.open += 1;
  pongs.set(connection.id, 0);
  connection.on("heartbeat", () => {
    counts.pongs += 1;
    pongs.set(connection.id, pongs.get(connection.id) + 1);
  });
  connection.on("close", () => {
    counts.open -= 1;
    counts.ended += 1;
    pongs.delete(connection.id);
  });
});
io.engine.on("connection_error", () => {
  counts.refused += 1;
});

io.on("connection", (socket) => {
  counts.namespaces += 1;
  socket.on("order", (order, acknowledge) => {
    if (order?.sku !== "A1-4711" || order.amount !== 3 || typeof acknowledge !== "function") {
      counts.wrong += 1;
      return;
    }
    counts.acks += 1;
    acknowledge({ accepted: true, sku: order.sku });
  });
});

server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(server.address().port);
});
