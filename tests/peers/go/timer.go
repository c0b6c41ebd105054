package main

import "time"

const far = time.Hour

func timer(r request) {
	operations := r.number("operations")
	standing := make([]*time.Timer, r.number("standing"))
	for index := range standing {
		standing[index] = time.AfterFunc(far+time.Duration(index)*time.Millisecond, func() { panic("an hour early") })
	}
	span := beginSpan()
	for range operations {
		time.AfterFunc(far, func() { panic("an hour early") }).Stop()
	}
	figure("armed_ns", nanosecondsEach(span.elapsed(), operations))
	// Nobody waits for it: then nothing is armed.
	span = beginSpan()
	for range operations {
		time.NewTimer(far).Stop()
	}
	figure("unwatched_ns", nanosecondsEach(span.elapsed(), operations))
	for _, timer := range standing {
		timer.Stop()
	}
}
