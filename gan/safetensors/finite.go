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
	var exponent uint64
	switch dtype {
	case "F16":
		exponent = 0x7c00
	case "BF16":
		exponent = 0x7f80
	case "F32":
		exponent = 0x7f80_0000
	case "F64":
		exponent = 0x7ff0_0000_0000_0000
	default:
		return -1
	}
	size := itemSize(dtype)
	for i := 0; i+size <= len(data); i += size {
		var bits uint64
		switch size {
		case 2:
			bits = uint64(binary.LittleEndian.Uint16(data[i:]))
		case 4:
			bits = uint64(binary.LittleEndian.Uint32(data[i:]))
		default:
			bits = binary.LittleEndian.Uint64(data[i:])
		}
		if bits&exponent == exponent {
			return i / size
		}
	}
	return -1
}
