package store

import "math/bits"

// Writer gathers numbers and texts in bytes. Its zero value is ready. Its methods are called from many places of each cell's
// program, which is linked faster where they are not inlined there.
type Writer struct{ Bytes []byte }

// Uint appends a number, small ones in one byte.
//
//go:noinline
func (w *Writer) Uint(n uint64) {
	for n >= 0x80 {
		w.Bytes = append(w.Bytes, byte(n)|0x80)
		n >>= 7
	}
	w.Bytes = append(w.Bytes, byte(n))
}

// Int appends a number that may be negative.
func (w *Writer) Int(n int) { w.Uint(uint64(n)<<1 ^ uint64(n>>(bits.UintSize-1))) }

// Text appends a text behind its length.
func (w *Writer) Text(s string) {
	w.Uint(uint64(len(s)))
	w.Bytes = append(w.Bytes, s...)
}

// Texts appends a list of texts.
func (w *Writer) Texts(list []string) {
	w.Uint(uint64(len(list)))
	for _, s := range list {
		w.Text(s)
	}
}

// Reader reads what a Writer has written. What is no such record makes it fail once and for all: every later read gives zero.
type Reader struct {
	rest   []byte
	failed bool
}

// NewReader reads b, which texts that it returns share.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// Failed says whether a read has found anything else than it should.
func (r *Reader) Failed() bool { return r.failed }

// Fail makes the reader fail: its user has found a number that cannot be.
func (r *Reader) Fail() { r.failed, r.rest = true, nil }

// Left is the number of bytes that are not read yet.
func (r *Reader) Left() int { return len(r.rest) }

// Uint reads a number.
//
//go:noinline
func (r *Reader) Uint() uint64 {
	var n uint64
	for shift := uint(0); shift < 64; shift += 7 {
		if len(r.rest) == 0 {
			break
		}
		b := r.rest[0]
		r.rest = r.rest[1:]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.Fail()
	return 0
}

// Int reads a number that may be negative.
func (r *Reader) Int() int {
	n := r.Uint()
	return int(n>>1) ^ -int(n&1)
}

// Count reads the length of a list of which each element takes at least one byte, so that no list is longer than what is left.
func (r *Reader) Count() int {
	n := r.Uint()
	if n > uint64(len(r.rest)) {
		r.Fail()
		return 0
	}
	return int(n)
}

// Raw reads n bytes, without copying them.
func (r *Reader) Raw(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.Fail()
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// Text reads a text.
func (r *Reader) Text() string { return string(r.Raw(r.Count())) }

// Texts reads a list of texts.
func (r *Reader) Texts() []string {
	n := r.Count()
	if n == 0 {
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		list = append(list, r.Text())
	}
	return list
}
