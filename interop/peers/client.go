package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
)

func ask(feature, url, ca string) string {
	pem, err := os.ReadFile(ca)
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
		// Trailers and encodings as they are.
		DisableCompression: true,
	}
	send := func(request *http.Request) *http.Response {
		response, err := transport.RoundTrip(request)
		must(err)
		if response.ProtoMajor != 2 {
			must(fmt.Errorf("spoke %s", response.Proto))
		}
		return response
	}
	build := func(method, path string, body io.Reader) *http.Request {
		request, err := http.NewRequest(method, url+path, body)
		must(err)
		return request
	}
	whole := func(response *http.Response) []byte {
		octets, err := io.ReadAll(response.Body)
		must(err)
		return octets
	}

	switch feature {
	case "get":
		response := send(build("GET", "/large", nil))
		return fmt.Sprintf("%d %x", response.StatusCode, sha256.Sum256(whole(response)))
	case "post":
		response := send(build("POST", "/echo", bytes.NewReader(pattern(3_000_000))))
		return fmt.Sprintf("%d %x", response.StatusCode, sha256.Sum256(whole(response)))
	case "head":
		response := send(build("HEAD", "/large", nil))
		return fmt.Sprintf("%d %d", response.StatusCode, len(whole(response)))
	case "trailersDown":
		response := send(build("GET", "/trailers", nil))
		whole(response)
		return "x-sum=" + response.Trailer.Get("x-sum")
	case "trailersUp":
		// A reader whose length is not known, or the trailers would not be sent.
		request := build("POST", "/length", io.MultiReader(strings.NewReader("xxxxxxxxxx")))
		request.Trailer = http.Header{"X-End": {"sent"}}
		return string(whole(send(request)))
	case "hints":
		var seen []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			seen = append(seen, fmt.Sprintf("%d %s", code, header.Get("link")))
			return nil
		}}
		request := build("GET", "/hints", nil)
		response := send(request.WithContext(httptrace.WithClientTrace(context.Background(), trace)))
		return fmt.Sprintf("%s %d", strings.Join(seen, " "), response.StatusCode)
	case "reset":
		_, err := transport.RoundTrip(build("GET", "/reset", nil))
		if err == nil {
			return "no error"
		}
		return err.Error()
	case "cancel":
		cancellable, cancel := context.WithCancel(context.Background())
		response := send(build("GET", "/endless", nil).WithContext(cancellable))
		_, err := response.Body.Read(make([]byte, 1))
		must(err)
		cancel()
		return fmt.Sprint(send(build("GET", "/cancelled", nil)).StatusCode)
	case "shutdown":
		first := string(whole(send(build("GET", "/drain", nil))))
		// The connection is over, so that this one takes another.
		return fmt.Sprintf("%s, %d", first, send(build("GET", "/nothing", nil)).StatusCode)
	}
	return "unknown feature " + feature
}
