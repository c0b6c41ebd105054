package main

import (
	"sync/atomic"
	"time"
)

func hogs(r request) {
	const nap = time.Millisecond
	var stop atomic.Bool
	var running atomic.Int64
	for range r.number("hogs") {
		go func() {
			running.Add(1)
			for !stop.Load() {
			}
		}()
	}
	for int(running.Load()) < r.number("hogs") {
		time.Sleep(nap)
	}
	lateness := make(chan time.Duration)
	go func() {
		var late time.Duration
		for range r.number("sleeps") {
			due := time.Now().Add(nap)
			time.Sleep(nap)
			late += time.Since(due)
		}
		lateness <- late
	}()
	figure("lateness_ms", milliseconds(<-lateness)/float64(r.number("sleeps")))
	stop.Store(true)
}
