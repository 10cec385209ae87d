// An HTTP/1.1 application on Go's net/http; prints its port.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
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
			out.WriteHeader(http.StatusNotFound)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, handler)
}
