//go:build amd64 && goexperiment.simd

package purego

import (
	"simd/archsimd"
	"unsafe"
)

// multiply computes a tile: rows of numbers at rows[i]+offsets[k] by deep lines of lanes numbers, stride bytes apart. A row
// of the tile has lanes numbers.
func multiply(rows *[rowsAtOnce]*float32, offsets *int, b *float32, stride, deep, lanes int, tile *[rowsAtOnce * mostLanes]float32) {
	switch {
	case avx && wide && lanes == 32:
		multiply32(rows, offsets, b, stride, deep, tile)
	case avx && wide && lanes == 16:
		multiply16(rows, offsets, b, stride, deep, tile)
	case avx && lanes == 16:
		multiply16by8(rows, offsets, b, stride, deep, tile)
	default:
		multiplyPlainly(rows, offsets, b, stride, deep, lanes, tile)
	}
}

func multiply32(rows *[rowsAtOnce]*float32, offsets *int, b *float32, stride, deep int, tile *[rowsAtOnce * mostLanes]float32) {
	var c00, c01, c10, c11, c20, c21, c30, c31 archsimd.Float32x16
	r0, r1, r2, r3 := unsafe.Pointer(rows[0]), unsafe.Pointer(rows[1]), unsafe.Pointer(rows[2]), unsafe.Pointer(rows[3])
	at, line := unsafe.Pointer(offsets), unsafe.Pointer(b)
	for ; deep > 0; deep-- {
		k := *(*int)(at)
		b0 := archsimd.LoadFloat32x16((*[16]float32)(line))
		b1 := archsimd.LoadFloat32x16((*[16]float32)(unsafe.Add(line, 64)))
		x0 := archsimd.BroadcastFloat32x16(*(*float32)(unsafe.Add(r0, k)))
		c00 = x0.MulAdd(b0, c00)
		c01 = x0.MulAdd(b1, c01)
		x1 := archsimd.BroadcastFloat32x16(*(*float32)(unsafe.Add(r1, k)))
		c10 = x1.MulAdd(b0, c10)
		c11 = x1.MulAdd(b1, c11)
		x2 := archsimd.BroadcastFloat32x16(*(*float32)(unsafe.Add(r2, k)))
		c20 = x2.MulAdd(b0, c20)
		c21 = x2.MulAdd(b1, c21)
		x3 := archsimd.BroadcastFloat32x16(*(*float32)(unsafe.Add(r3, k)))
		c30 = x3.MulAdd(b0, c30)
		c31 = x3.MulAdd(b1, c31)
		at, line = unsafe.Add(at, 8), unsafe.Add(line, stride)
	}
	c00.Store((*[16]float32)(tile[0:]))
	c01.Store((*[16]float32)(tile[16:]))
	c10.Store((*[16]float32)(tile[32:]))
	c11.Store((*[16]float32)(tile[48:]))
	c20.Store((*[16]float32)(tile[64:]))
	c21.Store((*[16]float32)(tile[80:]))
	c30.Store((*[16]float32)(tile[96:]))
	c31.Store((*[16]float32)(tile[112:]))
}

func multiply16(rows *[rowsAtOnce]*float32, offsets *int, b *float32, stride, deep int, tile *[rowsAtOnce * mostLanes]float32) {
	var c00, c10, c20, c30 archsimd.Float32x16
	r0, r1, r2, r3 := unsafe.Pointer(rows[0]), unsafe.Pointer(rows[1]), unsafe.Pointer(rows[2]), unsafe.Pointer(rows[3])
	at, line := unsafe.Pointer(offsets), unsafe.Pointer(b)
	for ; deep > 0; deep-- {
		k := *(*int)(at)
		b0 := archsimd.LoadFloat32x16((*[16]float32)(line))
		x0 := archsimd.BroadcastFloat32x16(*(*float32)(unsafe.Add(r0, k)))
		c00 = x0.MulAdd(b0, c00)
		x1 := archsimd.BroadcastFloat32x16(*(*float32)(unsafe.Add(r1, k)))
		c10 = x1.MulAdd(b0, c10)
		x2 := archsimd.BroadcastFloat32x16(*(*float32)(unsafe.Add(r2, k)))
		c20 = x2.MulAdd(b0, c20)
		x3 := archsimd.BroadcastFloat32x16(*(*float32)(unsafe.Add(r3, k)))
		c30 = x3.MulAdd(b0, c30)
		at, line = unsafe.Add(at, 8), unsafe.Add(line, stride)
	}
	c00.Store((*[16]float32)(tile[0:]))
	c10.Store((*[16]float32)(tile[16:]))
	c20.Store((*[16]float32)(tile[32:]))
	c30.Store((*[16]float32)(tile[48:]))
}

func multiply16by8(rows *[rowsAtOnce]*float32, offsets *int, b *float32, stride, deep int, tile *[rowsAtOnce * mostLanes]float32) {
	var c00, c01, c10, c11, c20, c21, c30, c31 archsimd.Float32x8
	r0, r1, r2, r3 := unsafe.Pointer(rows[0]), unsafe.Pointer(rows[1]), unsafe.Pointer(rows[2]), unsafe.Pointer(rows[3])
	at, line := unsafe.Pointer(offsets), unsafe.Pointer(b)
	for ; deep > 0; deep-- {
		k := *(*int)(at)
		b0 := archsimd.LoadFloat32x8((*[8]float32)(line))
		b1 := archsimd.LoadFloat32x8((*[8]float32)(unsafe.Add(line, 32)))
		x0 := archsimd.BroadcastFloat32x8(*(*float32)(unsafe.Add(r0, k)))
		c00 = x0.MulAdd(b0, c00)
		c01 = x0.MulAdd(b1, c01)
		x1 := archsimd.BroadcastFloat32x8(*(*float32)(unsafe.Add(r1, k)))
		c10 = x1.MulAdd(b0, c10)
		c11 = x1.MulAdd(b1, c11)
		x2 := archsimd.BroadcastFloat32x8(*(*float32)(unsafe.Add(r2, k)))
		c20 = x2.MulAdd(b0, c20)
		c21 = x2.MulAdd(b1, c21)
		x3 := archsimd.BroadcastFloat32x8(*(*float32)(unsafe.Add(r3, k)))
		c30 = x3.MulAdd(b0, c30)
		c31 = x3.MulAdd(b1, c31)
		at, line = unsafe.Add(at, 8), unsafe.Add(line, stride)
	}
	c00.Store((*[8]float32)(tile[0:]))
	c01.Store((*[8]float32)(tile[8:]))
	c10.Store((*[8]float32)(tile[16:]))
	c11.Store((*[8]float32)(tile[24:]))
	c20.Store((*[8]float32)(tile[32:]))
	c21.Store((*[8]float32)(tile[40:]))
	c30.Store((*[8]float32)(tile[48:]))
	c31.Store((*[8]float32)(tile[56:]))
}
