package main

import "sync"

func bounded(r request) {
	values, senders, receivers := r.number("values"), r.number("senders"), r.number("receivers")
	channel := make(chan int, r.number("capacity"))
	var sent, received sync.WaitGroup
	span := beginSpan()
	for range senders {
		sent.Go(func() {
			for value := range values / senders {
				channel <- value
			}
		})
	}
	for range receivers {
		received.Go(func() {
			for range channel {
			}
		})
	}
	sent.Wait()
	close(channel)
	received.Wait()
	figure("ns", nanosecondsEach(span.elapsed(), values))
}
