package metric

import (
	"runtime"
	"sync"
)

// dot is the scalar product of two vectors of one length.
func dot(x, y []float32) float64 {
	var a, b, c, d float64
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		a += float64(x[i]) * float64(y[i])
		b += float64(x[i+1]) * float64(y[i+1])
		c += float64(x[i+2]) * float64(y[i+2])
		d += float64(x[i+3]) * float64(y[i+3])
	}
	for ; i < len(x); i++ {
		a += float64(x[i]) * float64(y[i])
	}
	return a + b + c + d
}

// squaredDistance is ‖x - y‖² of two vectors of one length.
func squaredDistance(x, y []float32) float64 {
	var a, b, c, d float64
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		e, f, g, h := x[i]-y[i], x[i+1]-y[i+1], x[i+2]-y[i+2], x[i+3]-y[i+3]
		a += float64(e * e)
		b += float64(f * f)
		c += float64(g * g)
		d += float64(h * h)
	}
	for ; i < len(x); i++ {
		e := x[i] - y[i]
		a += float64(e * e)
	}
	return a + b + c + d
}

// eachRow calls f(0) … f(n-1), several at a time.
func eachRow(n int, f func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for i := worker; i < n; i += workers {
				f(i)
			}
		})
	}
	group.Wait()
}

// sumOverRows returns f(0) + … + f(n-1), computed several at a time and added up in order, so that the sum is the same
// every time.
func sumOverRows(n int, f func(i int) float64) float64 {
	parts := make([]float64, n)
	eachRow(n, func(i int) { parts[i] = f(i) })
	sum := 0.0
	for _, part := range parts {
		sum += part
	}
	return sum
}
