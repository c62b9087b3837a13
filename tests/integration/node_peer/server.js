// Socket.IO's reference server, for the integration tests: `node server.js [INTERVAL TIMEOUT]`. Prints its port. The
// same scenarios as in ../socketio_peer.py.
"use strict";

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const gone = [];

// The Unix time in milliseconds, with their fractions.
const now = () => performance.timeOrigin + performance.now();

function serve(socket) {
  socket.on("echo", (...values) => {
    const acknowledge = values.pop();
    acknowledge(...values);
  });
  socket.on("answer", (...values) => socket.emit("answered", ...values));
  socket.on("slow", (milliseconds, acknowledge) => {
    const received = now();
    setTimeout(() => acknowledge({ received, answered: now() }), milliseconds);
  });
  socket.on("never", () => {});
  socket.on("kick", () => socket.disconnect());
  socket.on("cut", () => socket.conn.close());
  socket.on("disconnect", () => gone.push(socket.id));
  socket.on("gone", (acknowledge) => acknowledge(gone));
  socket.on("who", (acknowledge) => {
    const { auth, query, headers } = socket.handshake;
    acknowledge({ auth, query, headers, transport: socket.conn.transport.name });
  });
  socket.on("ask", (question, acknowledge) => {
    socket.emit("question", question, (...values) => acknowledge(values));
  });
  socket.on("pushes", (count, acknowledge) => {
    for (let number = 0; number < count; number += 1) {
      socket.emit("push", { number, at: Date.now() });
    }
    acknowledge(count);
  });
  // Event n has 1 to 5 attachments; each says which event and place it belongs to.
  socket.on("binaries", (first, count, acknowledge) => {
    for (let number = first; number < first + count; number += 1) {
      const parts = [];
      for (let place = 0; place < 1 + (number % 5); place += 1) {
        const part = Buffer.alloc(5 + (number % 200), place);
        part.writeUInt32BE(number);
        parts.push(part);
      }
      socket.emit("binary", number, { parts });
    }
    acknowledge(count);
  });
}

const server = createServer();
const [interval = 25, timeout = 20] = process.argv.slice(2).map(Number);
const io = new Server(server, {
  pingInterval: interval * 1000,
  pingTimeout: timeout * 1000,
  maxHttpBufferSize: 1000000,
});
io.on("connection", serve);
io.of("/other").on("connection", serve);
const picky = io.of("/picky");
picky.use((socket, next) => {
  if (socket.handshake.auth.token === "let-me-in") {
    next();
  } else {
    next(new Error("not authorized"));
  }
});
picky.on("connection", serve);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
