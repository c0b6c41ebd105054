package main

func pingPong(r request) {
	rounds := r.number("rounds")
	ping, pong := make(chan int), make(chan int)
	go func() {
		for token := range ping {
			pong <- token + 1
		}
	}()
	span := beginSpan()
	for token := 0; token < rounds; {
		ping <- token
		token = <-pong
	}
	figure("ns", nanosecondsEach(span.elapsed(), rounds))
	close(ping)
}
