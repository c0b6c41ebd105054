// The peers' programs as one writes them in Go. Called and read by threadle-peers:
//
//	peer-go PROGRAM KEY=NUMBER ..
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

var programs = map[string]func(request){
	"accept":      accept,
	"blocking":    blocking,
	"bounded":     bounded,
	"connections": connections,
	"echo":        echo,
	"fib":         fib,
	"hogs":        hogs,
	"http":        httpHello,
	"mutex":       mutex,
	"parked":      parked,
	"ping-pong":   pingPong,
	"read":        read,
	"select":      selectOfThree,
	"serve":       serve,
	"skynet":      skynet,
	"sleeps":      sleeps,
	"spawn":       spawn,
	"ticker":      ticker,
	"timer":       timer,
	"version":     func(request) { fmt.Println("version", runtime.Version()) },
	"waiters":     waiters,
	"yield":       yield,
}

// What the runner asks for: how much of everything.
type request map[string]int

// The number behind key. There is no default: it is the runner's to say.
func (r request) number(key string) int {
	number, found := r[key]
	if !found {
		panic(key + "=NUMBER is missing")
	}
	return number
}

func figure(name string, value float64) {
	fmt.Printf("figure %s %v\n", name, value)
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	if len(os.Args) < 2 {
		panic("arguments: PROGRAM KEY=NUMBER ..")
	}
	asked := request{}
	for _, argument := range os.Args[2:] {
		key, value, _ := strings.Cut(argument, "=")
		asked[key] = must(strconv.Atoi(value))
	}
	program, found := programs[os.Args[1]]
	if !found {
		fmt.Println("absent there is no such program for Go")
		return
	}
	if workers, given := asked["workers"]; given {
		runtime.GOMAXPROCS(workers)
	}
	program(asked)
}
