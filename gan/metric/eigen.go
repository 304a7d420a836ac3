package metric

import "math"

// matrix is a square matrix of n×n, row-major.
type matrix struct {
	n      int
	values []float64
}

func newMatrix(n int) matrix { return matrix{n, make([]float64, n*n)} }

func (m matrix) at(i, j int) float64     { return m.values[i*m.n+j] }
func (m matrix) set(i, j int, v float64) { m.values[i*m.n+j] = v }
func (m matrix) row(i int) []float64     { return m.values[i*m.n : (i+1)*m.n] }

// mul returns a·b.
func (m matrix) mul(b matrix) matrix {
	out := newMatrix(m.n)
	for i := range m.n {
		sum := out.row(i)
		for k, v := range m.row(i) {
			for j, w := range b.row(k) {
				sum[j] += v * w
			}
		}
	}
	return out
}

// eigen returns the eigenvalues of a symmetric matrix and, in the rows of vectors, its orthonormal eigenvectors, by
// cyclic Jacobi rotations: exact to rounding for any symmetric matrix, singular ones too.
//
// Golub and Van Loan, "Matrix computations", 4th edition, 2013, section 8.5.
func eigen(symmetric matrix) (values []float64, vectors matrix) {
	n := symmetric.n
	a := matrix{n, append([]float64(nil), symmetric.values...)}
	vectors = newMatrix(n)
	scale := 0.0
	for i := range n {
		vectors.set(i, i, 1)
		for _, v := range a.row(i) {
			scale += v * v
		}
	}
	const sweeps = 60 // it converges quadratically: a dozen are enough for n of a few hundred
	for range sweeps {
		off := 0.0
		for i := range n {
			for _, v := range a.row(i)[i+1:] {
				off += v * v
			}
		}
		if off <= 1e-28*scale {
			break
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				rotate(a, vectors, p, q)
			}
		}
	}
	values = make([]float64, n)
	for i := range values {
		values[i] = a.at(i, i)
	}
	return values, vectors
}

// rotate turns axes p and q so that a's element (p, q) becomes 0, and the vectors with them.
func rotate(a, vectors matrix, p, q int) {
	apq := a.at(p, q)
	if apq == 0 {
		return
	}
	theta := (a.at(q, q) - a.at(p, p)) / (2 * apq)
	t := 1 / (math.Abs(theta) + math.Sqrt(theta*theta+1))
	if theta < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(t*t+1)
	s := t * c
	turn := func(x, y []float64) {
		for k, v := range x {
			w := y[k]
			x[k], y[k] = c*v-s*w, s*v+c*w
		}
	}
	// The rows, then their mirror image in the columns: a stays symmetric.
	app, aqq := a.at(p, p)-t*apq, a.at(q, q)+t*apq
	turn(a.row(p), a.row(q))
	for k := range a.n {
		a.set(k, p, a.at(p, k))
		a.set(k, q, a.at(q, k))
	}
	a.set(p, p, app)
	a.set(q, q, aqq)
	a.set(p, q, 0)
	a.set(q, p, 0)
	turn(vectors.row(p), vectors.row(q))
}

// root returns the symmetric square root of a symmetric matrix without negative eigenvalues; those that rounding made
// negative count as 0.
func root(symmetric matrix) matrix {
	values, vectors := eigen(symmetric)
	out := newMatrix(symmetric.n)
	for k, value := range values {
		v := vectors.row(k)
		factor := math.Sqrt(max(value, 0))
		for i, vi := range v {
			sum := out.row(i)
			for j, vj := range v {
				sum[j] += factor * vi * vj
			}
		}
	}
	return out
}
