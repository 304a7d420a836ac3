//go:build !(amd64 && goexperiment.simd)

package purego

const wide = false

func vectors() string {
	return "no vectors: built without GOEXPERIMENT=simd, or for another processor than amd64"
}

func add(to, x, y []float32)         { addTail(to, x, y) }
func sub(to, x, y []float32)         { subTail(to, x, y) }
func mul(to, x, y []float32)         { mulTail(to, x, y) }
func div(to, x, y []float32)         { divTail(to, x, y) }
func larger(to, x, y []float32)      { largerTail(to, x, y) }
func smaller(to, x, y []float32)     { smallerTail(to, x, y) }
func neg(to, x []float32)            { negTail(to, x) }
func abs(to, x []float32)            { absTail(to, x) }
func sqrt(to, x []float32)           { sqrtTail(to, x) }
func sign(to, x []float32)           { signTail(to, x) }
func equal(to, x, y []float32)       { equalTail(to, x, y) }
func notEqual(to, x, y []float32)    { notEqualTail(to, x, y) }
func less(to, x, y []float32)        { lessTail(to, x, y) }
func lessOrEqual(to, x, y []float32) { lessOrEqualTail(to, x, y) }
func where(to, c, x, y []float32)    { whereTail(to, c, x, y) }
func sum(x []float32) float32        { return sumTail(x) }

func multiply(rows *[rowsAtOnce]*float32, offsets *int, b *float32, stride, deep, lanes int, tile *[rowsAtOnce * mostLanes]float32) {
	multiplyPlainly(rows, offsets, b, stride, deep, lanes, tile)
}
