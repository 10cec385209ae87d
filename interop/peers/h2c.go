//go:build go1.24

package main

import (
	"net"
	"net/http"
)

// Serves HTTP/2 with prior knowledge on a port of its own; gives the port.
func listenCleartext(server *http.Server) int {
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go server.Serve(listener)
	return listener.Addr().(*net.TCPAddr).Port
}
