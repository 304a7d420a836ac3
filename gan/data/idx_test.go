package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// idx puts an IDX array together.
func idx(dtype byte, dims []uint32, values ...byte) []byte {
	content := []byte{0, 0, dtype, byte(len(dims))}
	for _, dim := range dims {
		content = binary.BigEndian.AppendUint32(content, dim)
	}
	return append(content, values...)
}

func TestReadIDX(t *testing.T) {
	for _, c := range []struct {
		dims   []uint32
		values []byte
	}{
		{[]uint32{3}, []byte{7, 0, 255}},
		{[]uint32{2, 1, 3}, []byte{1, 2, 3, 4, 5, 6}},
		{[]uint32{1, 1, 1, 2}, []byte{8, 9}},
	} {
		dims, values, err := readIDX(idx(8, c.dims, c.values...), len(c.values))
		if err != nil {
			t.Errorf("%v: %v", c.dims, err)
			continue
		}
		if fmt.Sprint(dims) != fmt.Sprint(c.dims) || !bytes.Equal(values, c.values) {
			t.Errorf("read %v %v, want %v %v", dims, values, c.dims, c.values)
		}
	}
}

func TestReadIDXErrors(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":                {nil, "IDX header: EOF"},
		"half a magic":         {[]byte{0, 0}, "IDX header: unexpected EOF"},
		"gzip":                 {[]byte{0x1f, 0x8b, 8, 0}, "not an IDX array of bytes: it starts with 1f 8b 08 00"},
		"floats":               {idx(0x0d, []uint32{1}, 0, 0, 0, 0), "not an IDX array of bytes"},
		"no dimensions":        {idx(8, nil), "not an IDX array of bytes"},
		"five dimensions":      {idx(8, []uint32{1, 1, 1, 1, 1}, 1), "not an IDX array of bytes"},
		"half a dimension":     {idx(8, []uint32{1, 1})[:9], "IDX header: unexpected EOF"},
		"missing dimension":    {idx(8, []uint32{1, 1})[:8], "IDX header: EOF"},
		"zero dimension":       {idx(8, []uint32{2, 0}), "IDX dimension 0 is out of range"},
		"too big":              {idx(8, []uint32{17}, make([]byte, 17)...), "IDX dimension 17 is out of range"},
		"too big by a product": {idx(8, []uint32{5, 4}, make([]byte, 20)...), "IDX dimension 4 is out of range"},
		"overflowing product":  {idx(8, []uint32{1 << 31, 1 << 31, 1 << 31}), "is out of range"},
		"truncated values":     {idx(8, []uint32{2, 2}, 1, 2, 3), "IDX array of [2 2]: unexpected EOF"},
		"no values":            {idx(8, []uint32{2, 2}), "IDX array of [2 2]: EOF"},
	} {
		dims, values, err := readIDX(c.content, 16)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: read %v %v, error %v, want %q", name, dims, values, err, c.want)
		}
	}
}

// FuzzIDX wants an error or an array whose dimensions fit its values, never more than allowed.
func FuzzIDX(f *testing.F) {
	f.Add(idx(8, []uint32{3}, 1, 2, 3))
	f.Add(idx(8, []uint32{2, 1, 3}, 1, 2, 3, 4, 5, 6))
	f.Add(idx(8, []uint32{2, 2}, 1, 2))
	f.Add(idx(8, []uint32{1 << 31, 1 << 31, 2}))
	f.Add(idx(0x0d, []uint32{1}, 0, 0, 0, 0))
	f.Add([]byte{0, 0, 8})
	const most = 1 << 12
	f.Fuzz(func(t *testing.T, content []byte) {
		dims, values, err := readIDX(content, most)
		if err != nil {
			return
		}
		size := 1
		for _, dim := range dims {
			size *= dim
		}
		if len(dims) == 0 || size != len(values) || size > most {
			t.Errorf("dimensions %v with %d values", dims, len(values))
		}
		if header := 4 + 4*len(dims); !bytes.Equal(values, content[header:header+size]) {
			t.Error("the values are not those of the file")
		}
	})
}
