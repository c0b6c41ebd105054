package main

import "sync"

func spawn(r request) {
	goroutines := r.number("goroutines")
	span := beginSpan()
	var done sync.WaitGroup
	for range goroutines {
		done.Go(func() {})
	}
	done.Wait()
	figure("ns", nanosecondsEach(span.elapsed(), goroutines))
}
