//go:build amd64 && goexperiment.simd

package purego

import (
	"simd/archsimd"
	"unsafe"
)

// avx says whether the processor has the vectors that these routines use.
var avx = archsimd.X86.AVX2() && archsimd.X86.FMA()

// wide says whether it has those of 512 bits.
var wide = archsimd.X86.AVX512()

func vectors() string {
	switch {
	case avx && wide:
		return "512-bit vectors"
	case avx:
		return "256-bit vectors"
	}
	return "no vectors"
}

func at(x []float32, i int) *[8]float32 {
	return (*[8]float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(x)), 4*i))
}

func add(to, x, y []float32) {
	n := len(to)
	x, y = x[:n], y[:n]
	i := 0
	if avx {
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			a.Add(b).Store(at(to, i))
		}
	}
	addTail(to[i:], x[i:], y[i:])
}

func sub(to, x, y []float32) {
	n := len(to)
	x, y = x[:n], y[:n]
	i := 0
	if avx {
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			a.Sub(b).Store(at(to, i))
		}
	}
	subTail(to[i:], x[i:], y[i:])
}

func mul(to, x, y []float32) {
	n := len(to)
	x, y = x[:n], y[:n]
	i := 0
	if avx {
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			a.Mul(b).Store(at(to, i))
		}
	}
	mulTail(to[i:], x[i:], y[i:])
}

func div(to, x, y []float32) {
	n := len(to)
	x, y = x[:n], y[:n]
	i := 0
	if avx {
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			a.Div(b).Store(at(to, i))
		}
	}
	divTail(to[i:], x[i:], y[i:])
}

// larger is NaN where either is, as the instruction is only where the second is.
func larger(to, x, y []float32) {
	n := len(to)
	x, y = x[:n], y[:n]
	i := 0
	if avx {
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			a.Merge(a.Max(b), a.IsNaN()).Store(at(to, i))
		}
	}
	largerTail(to[i:], x[i:], y[i:])
}

func smaller(to, x, y []float32) {
	n := len(to)
	x, y = x[:n], y[:n]
	i := 0
	if avx {
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			a.Merge(a.Min(b), a.IsNaN()).Store(at(to, i))
		}
	}
	smallerTail(to[i:], x[i:], y[i:])
}

func neg(to, x []float32) {
	n := len(to)
	x = x[:n]
	i := 0
	if avx {
		for ; i+8 <= n; i += 8 {
			a := archsimd.LoadFloat32x8(at(x, i))
			archsimd.BroadcastFloat32x8(-1).Mul(a).Store(at(to, i))
		}
	}
	negTail(to[i:], x[i:])
}

func abs(to, x []float32) {
	n := len(to)
	x = x[:n]
	i := 0
	if avx {
		zero := archsimd.BroadcastFloat32x8(0)
		for ; i+8 <= n; i += 8 {
			a := archsimd.LoadFloat32x8(at(x, i))
			a.Max(zero.Sub(a)).Store(at(to, i))
		}
	}
	absTail(to[i:], x[i:])
}

func sqrt(to, x []float32) {
	n := len(to)
	x = x[:n]
	i := 0
	if avx {
		for ; i+8 <= n; i += 8 {
			a := archsimd.LoadFloat32x8(at(x, i))
			a.Sqrt().Store(at(to, i))
		}
	}
	sqrtTail(to[i:], x[i:])
}

func sign(to, x []float32) {
	n := len(to)
	x = x[:n]
	i := 0
	if avx {
		zero := archsimd.BroadcastFloat32x8(0)
		one := archsimd.BroadcastFloat32x8(1)
		minus := archsimd.BroadcastFloat32x8(-1)
		for ; i+8 <= n; i += 8 {
			a := archsimd.LoadFloat32x8(at(x, i))
			one.Merge(minus.Merge(a, a.Less(zero)), a.Greater(zero)).Store(at(to, i))
		}
	}
	signTail(to[i:], x[i:])
}

func equal(to, x, y []float32) {
	n := len(to)
	x, y = x[:n], y[:n]
	i := 0
	if avx {
		one := archsimd.BroadcastFloat32x8(1)
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			one.Masked(a.Equal(b)).Store(at(to, i))
		}
	}
	equalTail(to[i:], x[i:], y[i:])
}

func notEqual(to, x, y []float32) {
	n := len(to)
	x, y = x[:n], y[:n]
	i := 0
	if avx {
		one := archsimd.BroadcastFloat32x8(1)
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			one.Masked(a.NotEqual(b)).Store(at(to, i))
		}
	}
	notEqualTail(to[i:], x[i:], y[i:])
}

func less(to, x, y []float32) {
	n := len(to)
	x, y = x[:n], y[:n]
	i := 0
	if avx {
		one := archsimd.BroadcastFloat32x8(1)
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			one.Masked(a.Less(b)).Store(at(to, i))
		}
	}
	lessTail(to[i:], x[i:], y[i:])
}

func lessOrEqual(to, x, y []float32) {
	n := len(to)
	x, y = x[:n], y[:n]
	i := 0
	if avx {
		one := archsimd.BroadcastFloat32x8(1)
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			one.Masked(a.LessEqual(b)).Store(at(to, i))
		}
	}
	lessOrEqualTail(to[i:], x[i:], y[i:])
}

func where(to, c, x, y []float32) {
	n := len(to)
	c, x, y = c[:n], x[:n], y[:n]
	i := 0
	if avx {
		zero := archsimd.BroadcastFloat32x8(0)
		for ; i+8 <= n; i += 8 {
			a, b := archsimd.LoadFloat32x8(at(x, i)), archsimd.LoadFloat32x8(at(y, i))
			b.Merge(a, archsimd.LoadFloat32x8(at(c, i)).Equal(zero)).Store(at(to, i))
		}
	}
	whereTail(to[i:], c[i:], x[i:], y[i:])
}

// sum adds in 32 columns and then these in order.
func sum(x []float32) float32 {
	n, i := len(x), 0
	var total float32
	if avx && n >= 32 {
		var a, b, c, d archsimd.Float32x8
		for ; i+32 <= n; i += 32 {
			a = a.Add(archsimd.LoadFloat32x8(at(x, i)))
			b = b.Add(archsimd.LoadFloat32x8(at(x, i+8)))
			c = c.Add(archsimd.LoadFloat32x8(at(x, i+16)))
			d = d.Add(archsimd.LoadFloat32x8(at(x, i+24)))
		}
		var parts [8]float32
		a.Add(b).Add(c.Add(d)).Store(&parts)
		total = sumTail(parts[:])
	}
	return total + sumTail(x[i:])
}
