//go:build unix

package data

import "syscall"

const nonblock = syscall.O_NONBLOCK
