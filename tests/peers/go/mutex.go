package main

import "sync"

func mutex(r request) {
	goroutines, each := r.number("goroutines"), r.number("locks")/r.number("goroutines")
	var done sync.WaitGroup
	var lock sync.Mutex
	counter := 0
	span := beginSpan()
	for range goroutines {
		done.Go(func() {
			for range each {
				lock.Lock()
				counter++
				lock.Unlock()
			}
		})
	}
	done.Wait()
	figure("ns", nanosecondsEach(span.elapsed(), goroutines*each))
	if counter != goroutines*each {
		panic("two were in it at once")
	}
}
