package main

import (
	"sync"
	"sync/atomic"
	"time"
)

func waiters(r request) {
	values := r.number("values")
	channel := make(chan int)
	var started atomic.Int64
	var done sync.WaitGroup
	for range r.number("waiters") {
		done.Go(func() {
			started.Add(1)
			for range channel {
			}
		})
	}
	for int(started.Load()) < r.number("waiters") {
		time.Sleep(time.Millisecond)
	}
	span := beginSpan()
	for value := range values {
		channel <- value
	}
	figure("ns", nanosecondsEach(span.elapsed(), values))
	close(channel)
	done.Wait()
}
