package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
)

func serve(cert, key string) {
	server := &http.Server{}
	server.Handler = http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		flush := out.(http.Flusher).Flush
		switch in.URL.Path {
		case "/large":
			out.Write(pattern(4 << 20))
		case "/echo":
			flush()
			buffer := make([]byte, 64<<10)
			for {
				n, err := in.Body.Read(buffer)
				out.Write(buffer[:n])
				flush()
				if err != nil {
					break
				}
			}
		case "/length":
			octets, _ := io.ReadAll(in.Body)
			fmt.Fprintf(out, "%d %s", len(octets), in.Trailer.Get("x-end"))
		case "/trailers":
			out.Write([]byte("with trailers"))
			out.Header().Set(http.TrailerPrefix+"x-sum", "42")
		case "/hints":
			out.Header().Set("link", "</a.css>; rel=preload")
			out.WriteHeader(http.StatusEarlyHints)
			out.Header().Del("link")
			out.WriteHeader(http.StatusOK)
		case "/reset":
			panic(http.ErrAbortHandler)
		case "/endless":
			out.Write([]byte("first"))
			flush()
			<-in.Context().Done()
			fmt.Println("cancelled")
		case "/drain":
			out.Write([]byte("half "))
			flush()
			go server.Shutdown(context.Background())
			// The rest follows when the client has heard of the end.
			io.ReadAll(in.Body)
			out.Write([]byte("done"))
		default:
			out.WriteHeader(http.StatusNotFound)
		}
	})
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	certificate, err := tls.LoadX509KeyPair(cert, key)
	must(err)
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	clear := listenCleartext(server)
	fmt.Println("listening", secure.Addr().(*net.TCPAddr).Port, clear)
	server.ServeTLS(secure, "", "")
	// After Shutdown: the open requests finish by themselves.
	select {}
}
