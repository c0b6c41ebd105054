package main

import (
	"syscall"
	"unsafe"
)

func read(r request) {
	operations := r.number("operations")
	zero := must(syscall.Open("/dev/zero", syscall.O_RDONLY, 0))
	buffer := make([]byte, 1)
	span := beginSpan()
	for range operations {
		must(syscall.Read(zero, buffer))
	}
	announced := span.elapsed()
	span = beginSpan()
	for range operations {
		// What nobody announces to the scheduler.
		_, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(zero), uintptr(unsafe.Pointer(&buffer[0])), 1)
		if errno != 0 {
			panic(errno)
		}
	}
	bare := span.elapsed()
	figure("ns", nanosecondsEach(announced, operations))
	figure("added_ns", nanosecondsEach(announced-bare, operations))
}
