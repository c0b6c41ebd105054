package main

import (
	"sync"
	"sync/atomic"
	"time"
)

func sleeps(r request) {
	goroutines, longest := r.number("goroutines"), r.number("longest_ms")*1000
	var late atomic.Int64
	var done sync.WaitGroup
	span := beginSpan()
	for index := range goroutines {
		done.Go(func() {
			due := time.Now().Add(time.Duration(scattered(index, longest)) * time.Microsecond)
			time.Sleep(time.Until(due))
			late.Add(int64(time.Since(due)))
		})
	}
	done.Wait()
	figure("cpu_s", span.computed().Seconds())
	figure("lateness_ms", milliseconds(time.Duration(late.Load()/int64(goroutines))))
}
