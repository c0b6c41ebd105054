package main

func selectOfThree(r request) {
	each := r.number("values") / 3
	send := func() <-chan int {
		channel := make(chan int)
		go func() {
			for value := range each {
				channel <- value
			}
		}()
		return channel
	}
	one, two, three := send(), send(), send()
	sum := 0
	span := beginSpan()
	for range 3 * each {
		select {
		case value := <-one:
			sum += value
		case value := <-two:
			sum += value
		case value := <-three:
			sum += value
		}
	}
	figure("ns", nanosecondsEach(span.elapsed(), 3*each))
	if sum != 3*each*(each-1)/2 {
		panic("a value was lost")
	}
}
