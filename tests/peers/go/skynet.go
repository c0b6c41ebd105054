package main

func skynet(r request) {
	leaves := r.number("leaves")
	span := beginSpan()
	root := make(chan int, 1)
	go branch(0, leaves, root)
	sum := <-root
	figure("ms", milliseconds(span.elapsed()))
	if sum != leaves*(leaves-1)/2 {
		panic("a leaf was lost")
	}
}

func branch(first, leaves int, parent chan<- int) {
	if leaves == 1 {
		parent <- first
		return
	}
	children := make(chan int, 10)
	each := leaves / 10
	for child := range 10 {
		go branch(first+child*each, each, children)
	}
	sum := 0
	for range 10 {
		sum += <-children
	}
	parent <- sum
}
