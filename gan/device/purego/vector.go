package purego

import "math"

// What no vector instruction computes is computed as GoMLX's backend does, in float64.

func each(to, x []float32, f func(float64) float64) {
	for i, v := range x {
		to[i] = float32(f(float64(v)))
	}
}

func exp(to, x []float32)   { each(to, x, math.Exp) }
func expm1(to, x []float32) { each(to, x, math.Expm1) }
func log(to, x []float32)   { each(to, x, math.Log) }
func log1p(to, x []float32) { each(to, x, math.Log1p) }
func tanh(to, x []float32)  { each(to, x, math.Tanh) }
func erf(to, x []float32)   { each(to, x, math.Erf) }
func sin(to, x []float32)   { each(to, x, math.Sin) }
func cos(to, x []float32)   { each(to, x, math.Cos) }
func floor(to, x []float32) { each(to, x, math.Floor) }
func ceil(to, x []float32)  { each(to, x, math.Ceil) }

func logistic(to, x []float32) {
	each(to, x, func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })
}

func pow(to, x, y []float32) {
	for i, v := range x {
		to[i] = float32(math.Pow(float64(v), float64(y[i])))
	}
}

func not(to, x []float32) {
	for i, v := range x {
		to[i] = 1 - v
	}
}

func truth(to, x []float32) {
	for i, v := range x {
		to[i] = 0
		if v != 0 {
			to[i] = 1
		}
	}
}

func fill(to []float32, x float32) {
	for i := range to {
		to[i] = x
	}
}

func rsqrt(to, x []float32) {
	sqrt(to, x)
	for i, v := range to {
		to[i] = 1 / v
	}
}

// The rest of each vector routine, and all of it where there are no vectors.

func addTail(to, x, y []float32) {
	for i, v := range x {
		to[i] = v + y[i]
	}
}

func subTail(to, x, y []float32) {
	for i, v := range x {
		to[i] = v - y[i]
	}
}

func mulTail(to, x, y []float32) {
	for i, v := range x {
		to[i] = v * y[i]
	}
}

func divTail(to, x, y []float32) {
	for i, v := range x {
		to[i] = v / y[i]
	}
}

func largerTail(to, x, y []float32) {
	for i, v := range x {
		to[i] = max(v, y[i])
	}
}

func smallerTail(to, x, y []float32) {
	for i, v := range x {
		to[i] = min(v, y[i])
	}
}

func negTail(to, x []float32) {
	for i, v := range x {
		to[i] = -v
	}
}

func absTail(to, x []float32) {
	for i, v := range x {
		to[i] = float32(math.Abs(float64(v)))
	}
}

func sqrtTail(to, x []float32) {
	for i, v := range x {
		to[i] = float32(math.Sqrt(float64(v)))
	}
}

func signTail(to, x []float32) {
	for i, v := range x {
		switch {
		case v > 0:
			v = 1
		case v < 0:
			v = -1
		}
		to[i] = v
	}
}

func equalTail(to, x, y []float32) {
	for i, v := range x {
		to[i] = of(v == y[i])
	}
}

func notEqualTail(to, x, y []float32) {
	for i, v := range x {
		to[i] = of(v != y[i])
	}
}

func lessTail(to, x, y []float32) {
	for i, v := range x {
		to[i] = of(v < y[i])
	}
}

func lessOrEqualTail(to, x, y []float32) {
	for i, v := range x {
		to[i] = of(v <= y[i])
	}
}

func of(truth bool) float32 {
	if truth {
		return 1
	}
	return 0
}

func whereTail(to, c, x, y []float32) {
	for i, v := range c {
		if v != 0 {
			to[i] = x[i]
		} else {
			to[i] = y[i]
		}
	}
}

func sumTail(x []float32) float32 {
	var sum float32
	for _, v := range x {
		sum += v
	}
	return sum
}
