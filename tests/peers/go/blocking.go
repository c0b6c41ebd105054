package main

import (
	"sync"
	"syscall"
)

func blocking(r request) {
	var done sync.WaitGroup
	span := beginSpan()
	for range r.number("goroutines") {
		done.Go(func() {
			for range r.number("calls") {
				// A system call that blocks its thread, which time.Sleep does not.
				call := syscall.NsecToTimespec(int64(r.number("call_ms")) * 1e6)
				for syscall.Nanosleep(&call, &call) == syscall.EINTR {
				}
			}
		})
	}
	done.Wait()
	figure("ms", milliseconds(span.elapsed()))
}
