package main

import (
	"sync/atomic"
	"time"
)

func ticker(r request) {
	var started atomic.Int64
	gate := make(chan struct{})
	for range r.number("parked") {
		go func() {
			started.Add(1)
			<-gate
		}()
	}
	for int(started.Load()) < r.number("parked") {
		time.Sleep(time.Millisecond)
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	<-ticker.C
	span := beginSpan()
	for range r.number("ticks") {
		<-ticker.C
	}
	figure("cpu_percent", 100*span.computed().Seconds()/span.elapsed().Seconds())
	close(gate)
}
