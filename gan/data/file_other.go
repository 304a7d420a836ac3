//go:build !unix

package data

const nonblock = 0 // a system without FIFOs in its folders
