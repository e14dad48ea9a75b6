// Socket.IO on Node: a Redis subscriber emits to a room. Takes floor.py's arguments.
"use strict";
const { createServer } = require("http");
const { Server } = require("socket.io");
const { createClient } = require("redis");

const [port, bus, channel, size] = process.argv.slice(2);
const row = '<div class="row"><span>Player name</span><b>12</b></div>';
const start = "<div id='f' hx-swap-oob='true'>k=";
const filling = row.repeat(size / row.length + 1).slice(0, size - start.length - 14);
const html = (number) => `${start}${String(number).padStart(7, "0")};${filling}</div>`;

const server = createServer();
const io = new Server(server, { transports: ["websocket"], perMessageDeflate: false });
io.on("connection", (socket) => socket.join("board"));
const listener = createClient({ socket: { path: decodeURIComponent(bus.replace("unix://", "")) } });
listener
  .connect()
  .then(() => listener.subscribe(channel, (m) => io.to("board").emit("f", html(JSON.parse(m).seq))));
server.listen(Number(port), "127.0.0.1", 1024);
