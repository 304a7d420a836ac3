package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrNotFinite is wrapped by the errors that name a value which is infinite or no number.
var ErrNotFinite = errors.New("not finite")

// CheckFinite returns nil where every value is finite, and otherwise an error that names the first which is not.
func (t Tensor) CheckFinite() error {
	if at := firstNotFinite(t.DType, t.Data); at >= 0 {
		return notFinite(t, at)
	}
	return nil
}

func notFinite(t Tensor, at int) error {
	return fmt.Errorf("%s is %w: its value %d is infinite or no number", t.Name, ErrNotFinite, at)
}

// firstNotFinite is the place of the first value that is infinite or no number, whose exponent has all bits set; -1 where
// there is none.
func firstNotFinite(dtype string, data []byte) int {
	var exponent, lowest uint64 // the exponent's bits in each of the values that eight bytes hold, and its lowest bit
	switch dtype {
	case "F16":
		exponent, lowest = 0x7c00_7c00_7c00_7c00, 0x0400_0400_0400_0400
	case "BF16":
		exponent, lowest = 0x7f80_7f80_7f80_7f80, 0x0080_0080_0080_0080
	case "F32":
		exponent, lowest = 0x7f80_0000_7f80_0000, 0x0080_0000_0080_0000
	case "F64":
		exponent, lowest = 0x7ff0_0000_0000_0000, 0x0010_0000_0000_0000
	default:
		return -1
	}
	sign := exponent + lowest // only an exponent whose bits are all set carries into it
	carries := func(bits uint64) uint64 { return (bits&exponent + lowest) & sign }
	at := 0
	for ; at+32 <= len(data); at += 32 { // most are finite
		part := data[at : at+32 : at+32]
		a, b := binary.LittleEndian.Uint64(part), binary.LittleEndian.Uint64(part[8:])
		c, d := binary.LittleEndian.Uint64(part[16:]), binary.LittleEndian.Uint64(part[24:])
		if carries(a)|carries(b)|carries(c)|carries(d) != 0 {
			break
		}
	}
	size := itemSize(dtype)
	for ; at+size <= len(data); at += size {
		var value [8]byte
		copy(value[:], data[at:at+size])
		if carries(binary.LittleEndian.Uint64(value[:])) != 0 {
			return at / size
		}
	}
	return -1
}
