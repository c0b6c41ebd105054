package main

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// A stretch of time, and of the process' CPU time.
type span struct {
	begun time.Time
	cpu   time.Duration
}

func beginSpan() span {
	return span{time.Now(), cpuTime()}
}

func (s span) elapsed() time.Duration {
	return time.Since(s.begun)
}

// What all threads of the process, the kernel on their behalf included, have computed since.
func (s span) computed() time.Duration {
	return cpuTime() - s.cpu
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Bytes of memory this process has: what is resident, and the page tables.
func memory() int {
	total := 0
	for line := range bytes.Lines(must(os.ReadFile("/proc/self/status"))) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if string(name) == "VmRSS" || string(name) == "VmPTE" {
			total += must(strconv.Atoi(string(bytes.Fields(value)[0]))) * 1024
		}
	}
	return total
}

func nanosecondsEach(elapsed time.Duration, count int) float64 {
	return float64(elapsed.Nanoseconds()) / float64(count)
}

func milliseconds(duration time.Duration) float64 {
	return duration.Seconds() * 1e3
}

// The index-th of a sequence of numbers below bound that looks random and is the same in each system: SplitMix64.
func scattered(index, bound int) int {
	bits := (uint64(index) + 1) * 0x9e3779b97f4a7c15
	bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9
	bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb
	return int((bits ^ (bits >> 31)) % uint64(bound))
}
