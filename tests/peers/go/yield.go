package main

import (
	"runtime"
	"sync"
)

func yield(r request) {
	goroutines, yields := r.number("goroutines"), r.number("yields")/r.number("goroutines")
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for range goroutines {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-begin
			for range yields {
				runtime.Gosched()
			}
		})
	}
	ready.Wait()
	span := beginSpan()
	close(begin)
	done.Wait()
	figure("ns", nanosecondsEach(span.elapsed(), goroutines*yields))
}
