package main

import (
	"sync"
	"sync/atomic"
	"time"
)

func parked(r request) {
	goroutines := r.number("goroutines")
	var started atomic.Int64
	var done sync.WaitGroup
	gate := make(chan struct{})
	span := beginSpan()
	for range goroutines {
		done.Go(func() {
			started.Add(1)
			<-gate
		})
	}
	for int(started.Load()) < goroutines {
		time.Sleep(time.Millisecond)
	}
	start := span.elapsed()
	figure("bytes", float64(memory())/float64(goroutines))
	span = beginSpan()
	close(gate)
	done.Wait()
	figure("start_s", start.Seconds())
	figure("wake_s", span.elapsed().Seconds())
}
