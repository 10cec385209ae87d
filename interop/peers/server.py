"""python3-h2 as a server: `server.py [CERT KEY]` prints its port; with a certificate it speaks TLS."""
import socket
import ssl
import sys
import threading

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2 import events


def pattern(length):
    return bytes(((i * 31) + (i >> 8)) & 0xFF for i in range(length))


LARGE = pattern(4_194_304)


class Served:
    """One connection."""

    def __init__(self, sock):
        self.sock = sock
        self.conn = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.path, self.received, self.end = {}, {}, {}
        # What is left to send, by stream: octets, whether more follows, trailers.
        self.waiting = {}
        self.closing = False

    def respond(self, stream, body=b"", status="200", trailers=None, more=False):
        self.conn.send_headers(stream, [(":status", status)])
        self.waiting[stream] = [body, more, trailers]

    def request(self, stream, head, ended):
        path = self.path[stream] = head[":path"]
        self.received[stream] = b""
        if path == "/large":
            if head[":method"] == "HEAD":
                self.conn.send_headers(stream, [(":status", "200"), ("content-length", str(len(LARGE)))], end_stream=True)
            else:
                self.respond(stream, LARGE)
        elif path == "/echo":
            self.respond(stream, more=not ended)
        elif path == "/trailers":
            self.respond(stream, b"with trailers", trailers=[("x-sum", "42")])
        elif path == "/hints":
            self.conn.send_headers(stream, [(":status", "103"), ("link", "</a.css>; rel=preload")])
            self.respond(stream)
        elif path == "/reset":
            self.conn.reset_stream(stream, ErrorCodes.ENHANCE_YOUR_CALM)
        elif path == "/endless":
            self.respond(stream, b"first", more=True)
        elif path == "/push":
            promised = self.conn.get_next_available_stream_id()
            fields = [(":method", "GET"), (":scheme", head[":scheme"]), (":authority", head[":authority"]), (":path", "/pushed")]
            self.conn.push_stream(stream, promised, fields)
            self.respond(stream, b"page")
            self.respond(promised, b"pushed body")
        elif path == "/drain":
            self.respond(stream, b"half done")
            self.closing = True
        elif path != "/length":
            self.respond(stream, status="404")

    def see(self, event):
        stream = getattr(event, "stream_id", None)
        if isinstance(event, events.RequestReceived):
            self.request(stream, dict(event.headers), event.stream_ended is not None)
        elif isinstance(event, events.DataReceived):
            self.conn.acknowledge_received_data(event.flow_controlled_length, stream)
            if self.path[stream] == "/echo":
                self.waiting[stream][0] += event.data
            else:
                self.received[stream] += event.data
        elif isinstance(event, events.TrailersReceived):
            self.end[stream] = dict(event.headers).get("x-end")
        elif isinstance(event, events.StreamEnded):
            if self.path[stream] == "/echo" and stream in self.waiting:
                self.waiting[stream][1] = False
            elif self.path[stream] == "/length":
                self.respond(stream, f"{len(self.received[stream])} {self.end.get(stream)}".encode())
        elif isinstance(event, events.StreamReset):
            self.waiting.pop(stream, None)
            print("cancelled", flush=True)

    def push_out(self):
        """Sends of each response what its windows allow."""
        for stream, entry in list(self.waiting.items()):
            body, more, trailers = entry
            at = 0
            while at < len(body):
                room = min(self.conn.local_flow_control_window(stream), self.conn.max_outbound_frame_size, len(body) - at)
                if room <= 0:
                    break
                self.conn.send_data(stream, body[at : at + room])
                at += room
            entry[0] = body[at:]
            if entry[0] or more:
                continue
            del self.waiting[stream]
            if trailers:
                self.conn.send_headers(stream, trailers, end_stream=True)
            else:
                self.conn.end_stream(stream)
        if self.closing and not self.waiting:
            self.closing = False
            self.conn.close_connection()

    def run(self):
        self.conn.initiate_connection()
        while True:
            self.push_out()
            self.sock.sendall(self.conn.data_to_send())
            data = self.sock.recv(65536)
            if not data:
                return self.sock.close()
            for event in self.conn.receive_data(data):
                self.see(event)


def serve(sock, context):
    try:
        Served(context.wrap_socket(sock, server_side=True) if context else sock).run()
    except OSError:
        pass


def main(cert=None, key=None):
    context = None
    if cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
        context.set_alpn_protocols(["h2"])
    listener = socket.create_server(("127.0.0.1", 0))
    print("listening", listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], context), daemon=True).start()


main(*sys.argv[1:])
