//go:build !go1.24

package main

import "net/http"

// This Go has cleartext HTTP/2 only outside its standard library.
func listenCleartext(*http.Server) int { return 0 }
