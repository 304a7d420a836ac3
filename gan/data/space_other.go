//go:build !linux && !darwin

package data

import "os"

const noFollow = 0

func freeSpace(*os.File) int64 { return 0 } // it is not known: nothing is kept
