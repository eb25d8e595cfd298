module trimalloc/cgo

go 1.19
