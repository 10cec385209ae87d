"""python3-h2 as a client: `client.py FEATURE URL [CA FILE]` prints what it saw on one line."""
import hashlib
import socket
import ssl
import sys
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2 import events


def pattern(length):
    return bytes(((i * 31) + (i >> 8)) & 0xFF for i in range(length))


class Client:
    def __init__(self, url, ca):
        self.url = urlsplit(url)
        self.sock = socket.create_connection((self.url.hostname, self.url.port), timeout=10)
        if self.url.scheme == "https":
            context = ssl.create_default_context(cafile=ca)
            context.set_alpn_protocols(["h2"])
            self.sock = context.wrap_socket(self.sock, server_hostname=self.url.hostname)
            assert self.sock.selected_alpn_protocol() == "h2"
        self.conn = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.conn.initiate_connection()
        # What it has seen, by stream.
        self.head, self.body, self.hints, self.trailers, self.pushed = {}, {}, [], {}, {}
        self.ended, self.reset, self.gone = set(), {}, None
        self.waiting = {}

    def request(self, method, path, body=None, trailers=None):
        stream = self.conn.get_next_available_stream_id()
        head = [(":method", method), (":scheme", self.url.scheme), (":authority", self.url.netloc), (":path", path)]
        if trailers:
            # RFC 9110 6.6.2; Go's server drops those that are not announced.
            head.append(("trailer", ", ".join(name for name, _ in trailers)))
        self.conn.send_headers(stream, head, end_stream=body is None)
        if body is not None:
            self.waiting[stream] = [body, trailers]
        return stream

    def push_out(self):
        """Sends of each body what its windows allow."""
        for stream, entry in list(self.waiting.items()):
            body, trailers = entry
            while body and (room := min(self.conn.local_flow_control_window(stream), self.conn.max_outbound_frame_size)) > 0:
                self.conn.send_data(stream, body[:room], pad_length=5 if room > 1000 and len(body) < room - 1000 else None)
                body = body[room:]
            entry[0] = body
            if not body:
                if trailers:
                    self.conn.send_headers(stream, trailers, end_stream=True)
                else:
                    self.conn.end_stream(stream)
                del self.waiting[stream]

    def until(self, done):
        while not done():
            self.push_out()
            self.sock.sendall(self.conn.data_to_send())
            data = self.sock.recv(65536)
            if not data:
                self.gone = self.gone or "closed without GOAWAY"
                return
            for event in self.conn.receive_data(data):
                self.see(event)

    def see(self, event):
        if isinstance(event, events.ResponseReceived):
            self.head[event.stream_id] = dict(event.headers)
        elif isinstance(event, events.InformationalResponseReceived):
            self.hints.append(dict(event.headers))
        elif isinstance(event, events.DataReceived):
            self.body[event.stream_id] = self.body.get(event.stream_id, b"") + event.data
            self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.TrailersReceived):
            self.trailers[event.stream_id] = dict(event.headers)
        elif isinstance(event, events.StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, events.StreamReset):
            self.reset[event.stream_id] = event.error_code
        elif isinstance(event, events.PushedStreamReceived):
            self.pushed[event.pushed_stream_id] = dict(event.headers)[":path"]
        elif isinstance(event, events.ConnectionTerminated):
            self.gone = f"GOAWAY {event.error_code}"

    def finish(self, stream):
        self.until(lambda: stream in self.ended or stream in self.reset or self.gone == "closed without GOAWAY")
        return f"{self.head[stream][':status']} {hashlib.sha256(self.body.get(stream, b'')).hexdigest()}"


def main(feature, url, ca=None):
    client = Client(url, ca)
    if feature == "get":
        return client.finish(client.request("GET", "/large"))
    if feature == "post":
        return client.finish(client.request("POST", "/echo", pattern(3_000_000)))
    if feature == "head":
        stream = client.request("HEAD", "/large")
        client.finish(stream)
        return f"{client.head[stream][':status']} {len(client.body.get(stream, b''))}"
    if feature == "trailersDown":
        stream = client.request("GET", "/trailers")
        client.finish(stream)
        return f"x-sum={client.trailers[stream]['x-sum']}"
    if feature == "trailersUp":
        stream = client.request("POST", "/length", b"x" * 10, [("x-end", "sent")])
        client.finish(stream)
        return client.body[stream].decode()
    if feature == "hints":
        stream = client.request("GET", "/hints")
        client.finish(stream)
        return " ".join([*(f"{hint[':status']} {hint['link']}" for hint in client.hints), client.head[stream][":status"]])
    if feature == "reset":
        stream = client.request("GET", "/reset")
        client.until(lambda: stream in client.reset)
        return ErrorCodes(client.reset[stream]).name
    if feature == "cancel":
        stream = client.request("GET", "/endless")
        client.until(lambda: stream in client.body)
        client.conn.reset_stream(stream, error_code=ErrorCodes.CANCEL)
        return client.finish(client.request("GET", "/cancelled")).split()[0]
    if feature == "push":
        client.finish(client.request("GET", "/push"))
        client.until(lambda: set(client.pushed) <= client.ended)
        return " ".join(f"{path} {client.body[stream].decode()}" for stream, path in client.pushed.items())
    raise SystemExit(f"unknown feature {feature}")


print(main(*sys.argv[1:]))
