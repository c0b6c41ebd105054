package main

func fib(r request) {
	n := r.number("n")
	span := beginSpan()
	number := forkedFib(n)
	figure("ms", milliseconds(span.elapsed()))
	before, last := 1, 0
	for range n {
		before, last = last, before+last
	}
	if number != last {
		panic("not the number")
	}
}

func forkedFib(n int) int {
	if n < 2 {
		return n
	}
	left := make(chan int, 1)
	go func() { left <- forkedFib(n - 2) }()
	right := forkedFib(n - 1)
	return <-left + right
}
