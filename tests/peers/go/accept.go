package main

import (
	"io"
	"net"
)

// A goroutine a connection, each of which has a byte answered.
func accept(request) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	go func() {
		for {
			connection := must(listener.Accept())
			go func() {
				defer connection.Close()
				buffer := make([]byte, 1)
				must(io.ReadFull(connection, buffer))
				must(connection.Write(buffer))
			}()
		}
	}()
	serves(listener)
}
