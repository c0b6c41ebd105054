package main

import (
	"io"
	"net"
	"net/http"
)

func httpHello(request) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	go func() {
		check(http.Serve(listener, http.HandlerFunc(hello)))
	}()
	serves(listener)
}

func hello(response http.ResponseWriter, _ *http.Request) {
	response.Header().Set("Content-Type", "text/plain")
	must(io.WriteString(response, "hello, world\n"))
}
