//go:build !linux || !cgo

package device

func tune() {}
