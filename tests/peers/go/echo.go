package main

import (
	"io"
	"net"
	"sync"
)

// Bytes of a message.
const message = 64

func echo(r request) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	go acceptAll(listener)
	exchange(r, listener.Addr().String())
}

func acceptAll(listener net.Listener) {
	for {
		connection := must(listener.Accept())
		go func() {
			buffer := make([]byte, message)
			for {
				if _, err := io.ReadFull(connection, buffer); err != nil {
					connection.Close()
					return
				}
				must(connection.Write(buffer))
			}
		}()
	}
}

// All connections together make their round trips; the time counts from when all are connected.
func exchange(r request, address string) {
	connections := r.number("connections")
	each := r.number("round_trips") / connections
	begin := make(chan struct{})
	var connected, done sync.WaitGroup
	for range connections {
		connected.Add(1)
		done.Go(func() {
			connection := must(net.Dial("tcp", address))
			defer connection.Close()
			connected.Done()
			<-begin
			buffer := make([]byte, message)
			for range each {
				must(connection.Write(buffer))
				must(io.ReadFull(connection, buffer))
			}
		})
	}
	connected.Wait()
	span := beginSpan()
	close(begin)
	done.Wait()
	trips := float64(connections * each)
	figure("per_second", trips/span.elapsed().Seconds())
	figure("cpu_us", span.computed().Seconds()*1e6/trips)
}
