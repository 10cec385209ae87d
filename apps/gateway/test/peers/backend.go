// An application on Go's net/http; prints its port. With the files of a certificate and its key it speaks TLS, and HTTP/2.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	large := make([]byte, 4<<20)
	for i := range large {
		large[i] = byte(i*31 + i>>8)
	}
	handler := http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		switch in.URL.Path {
		case "/large":
			out.Write(large)
		case "/echo":
			octets, _ := io.ReadAll(in.Body)
			out.Write(octets)
		case "/length":
			octets, _ := io.ReadAll(in.Body)
			fmt.Fprintf(out, "%d %s", len(octets), in.Trailer.Get("x-end"))
		case "/trailers":
			out.Write([]byte("with trailers"))
			// With a length there would be no place for them.
			out.(http.Flusher).Flush()
			out.Header().Set(http.TrailerPrefix+"x-sum", "42")
		default:
			http.NotFound(out, in)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	if len(os.Args) == 3 {
		http.ServeTLS(listener, handler, os.Args[1], os.Args[2])
	}
	http.Serve(listener, handler)
}
