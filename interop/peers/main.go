// Go's net/http as a client and as a server, from the standard library alone.
//
//	peer client FEATURE URL CA        prints what it saw on one line
//	peer server CERT KEY              prints its port; serves TLS, and cleartext on a second port where this Go can
package main

import (
	"fmt"
	"os"
)

func main() {
	switch {
	case len(os.Args) == 5 && os.Args[1] == "client":
		fmt.Println(ask(os.Args[2], os.Args[3], os.Args[4]))
	case len(os.Args) == 4 && os.Args[1] == "server":
		serve(os.Args[2], os.Args[3])
	default:
		fmt.Fprintln(os.Stderr, "usage: peer client FEATURE URL CA | peer server CERT KEY")
		os.Exit(2)
	}
}

// Octets that tell their place.
func pattern(length int) []byte {
	octets := make([]byte, length)
	for i := range octets {
		octets[i] = byte(i*31 + i>>8)
	}
	return octets
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
