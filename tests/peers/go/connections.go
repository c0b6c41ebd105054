package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
)

// The server is a second process, so that each side has a process' descriptors for itself.
func connections(r request) {
	arguments := []string{"serve"}
	for key, value := range r {
		arguments = append(arguments, fmt.Sprintf("%s=%d", key, value))
	}
	server := exec.Command(must(os.Executable()), arguments...)
	server.Stderr = os.Stderr
	stdin, stdout := must(server.StdinPipe()), must(server.StdoutPipe())
	check(server.Start())
	address := must(bufio.NewReader(stdout).ReadString('\n'))
	exchange(r, strings.TrimSpace(address))
	stdin.Close()
	check(server.Wait())
}

// The second process.
func serve(request) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	go acceptAll(listener)
	serves(listener)
}

// In a process that serves another one: says where it listens, and returns when the other one has let go.
func serves(listener net.Listener) {
	fmt.Println(listener.Addr())
	must(io.Copy(io.Discard, os.Stdin))
}
