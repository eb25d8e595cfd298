// Blocks of C's malloc in many goroutines, beside Go's own heap: cgo calls move
// between threads, which Go makes and parks as it likes.
package main

// #include <stdlib.h>
// #include <string.h>
// static int all(const unsigned char *p, size_t n, int byte) {
//	for (size_t i = 0; i < n; i++)
//		if (p[i] != byte)
//			return 0;
//	return 1;
// }
import "C"

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

type block struct {
	p    unsafe.Pointer
	n    C.size_t
	byte C.int
}

func check(b block) {
	if C.all((*C.uchar)(b.p), b.n, b.byte) == 0 {
		fmt.Println("a block was changed")
		os.Exit(1)
	}
	C.free(b.p)
}

func work(id int, pass chan block, wait *sync.WaitGroup) {
	defer wait.Done()
	dice := uint32(id)
	for i := 0; i < 1000; i++ {
		dice = dice*1664525 + 1013904223
		n := C.size_t(dice>>8%5000 + 1)
		if i%100 == 0 {
			n *= 100
		}
		b := block{C.malloc(n), n, C.int(dice >> 24)}
		C.memset(b.p, b.byte, n)
		select {
		case pass <- b:
		case other := <-pass:
			check(other)
			check(b)
		}
		text := C.CString(fmt.Sprint("goroutine ", id, " round ", i))
		if C.strlen(text) < 10 {
			os.Exit(1)
		}
		C.free(unsafe.Pointer(text))
	}
	runtime.GC()
}

func main() {
	if len(os.Args) > 1 {
		fmt.Println("child")
		return
	}
	pass := make(chan block, 200)
	var wait sync.WaitGroup
	for id := 1; id <= 64; id++ {
		wait.Add(1)
		go work(id, pass, &wait)
	}
	done := make(chan bool)
	go func() { wait.Wait(); close(done) }()
	for i := 0; i < 5; i++ {
		said, err := exec.Command(os.Args[0], "child").Output()
		if err != nil || string(said) != "child\n" {
			fmt.Println("a child failed: ", err)
			os.Exit(1)
		}
	}
	<-done
	close(pass)
	for b := range pass {
		check(b)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil || !strings.Contains(string(maps), os.Getenv("LD_PRELOAD")) {
		fmt.Println("it is not the library that it runs on")
		os.Exit(1)
	}
	fmt.Println("done on the library")
}
