//go:build linux && amd64

package compilecache_test

import (
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/gantest"
	"gantry.local/gan/internal/wide"
)

func matrix(random *rand.Rand, rows, columns int) *tensors.Tensor {
	numbers := make([]float32, rows*columns)
	for i := range numbers {
		numbers[i] = random.Float32() - 0.5
	}
	return tensors.FromFlatDataAndDimensions(numbers, rows, columns)
}

// TestProducts compares products of all forms, narrow and wide ones, with sums in float64, and wants them to repeat to the bit,
// whichever threads take part.
func TestProducts(t *testing.T) {
	backend := gantest.XLA(t)
	random := rand.New(rand.NewPCG(1, 1))
	for _, size := range [][3]int{ // rows, columns and length of the sums
		{64, 784, 1024}, {1024, 784, 64}, {64, 1024, 784}, {6272, 32, 32}, {8, 64, 3136}, {13, 65, 257}, {37, 51, 77}, {2, 3, 700}, {3, 2000, 2},
		{6, 16, 256}, {7, 17, 255}, {129, 129, 129}, {500, 500, 500}, {64, 8, 256},
	} {
		m, n, k := size[0], size[1], size[2]
		for form := range 8 {
			leftAxis, rightAxis, turned := form&1, form>>1&1, form>>2 == 1
			shape := func(axis, kept int) (rows, columns int) {
				if axis == 0 {
					return k, kept
				}
				return kept, k
			}
			rows, columns := shape(leftAxis, m)
			x := matrix(random, rows, columns)
			rows, columns = shape(rightAxis, n)
			y := matrix(random, rows, columns)
			exec := graph.MustNewExec(backend, func(x, y *graph.Node) *graph.Node {
				z := graph.Dot(x, y).General([]int{leftAxis}, nil, []int{rightAxis}, nil)
				if turned {
					z = graph.TransposeAllAxes(z, 1, 0)
				}
				return z
			})
			got := tensors.MustCopyFlatData[float32](exec.MustCall1(x, y))
			a, b := tensors.MustCopyFlatData[float32](x), tensors.MustCopyFlatData[float32](y)
			worst := 0.0
			for range 2000 {
				i, j := random.IntN(m), random.IntN(n)
				var want float64
				for s := range k {
					left, right := a[i*k:], b[j*k:]
					if leftAxis == 0 {
						left = a[s*m+i:]
					} else {
						left = left[s:]
					}
					if rightAxis == 0 {
						right = b[s*n+j:]
					} else {
						right = right[s:]
					}
					want += float64(left[0]) * float64(right[0])
				}
				at := i*n + j
				if turned {
					at = j*m + i
				}
				worst = max(worst, math.Abs(float64(got[at])-want))
			}
			if bound := 4e-7 * math.Sqrt(float64(k)); worst > bound {
				t.Errorf("%v, sums over axes %d and %d, transposed %v: %g off, want %g at most", size, leftAxis, rightAxis, turned, worst, bound)
			}
			for range 5 {
				if again := tensors.MustCopyFlatData[float32](exec.MustCall1(x, y)); !slices.Equal(again, got) {
					t.Fatalf("%v, sums over axes %d and %d: another call gives other numbers", size, leftAxis, rightAxis)
				}
			}
			exec.Finalize()
		}
	}
}

// TestSeveralProducts compares products of a row of matrices with each of them alone.
func TestSeveralProducts(t *testing.T) {
	backend := gantest.XLA(t)
	random := rand.New(rand.NewPCG(4, 4))
	const several = 16
	for _, size := range [][3]int{{800, 128, 64}, {64, 128, 800}, {37, 70, 51}} {
		m, n, k := size[0], size[1], size[2]
		for form := range 4 {
			left, right := []int{several, k, m}, []int{several, k, n}
			leftAxis, rightAxis := form&1, form>>1
			if leftAxis == 1 {
				left = []int{several, m, k}
			}
			if rightAxis == 1 {
				right = []int{several, n, k}
			}
			x, y := tensors.FromFlatDataAndDimensions(tensors.MustCopyFlatData[float32](matrix(random, several*m, k)), left...),
				tensors.FromFlatDataAndDimensions(tensors.MustCopyFlatData[float32](matrix(random, several*n, k)), right...)
			exec := graph.MustNewExec(backend, func(x, y *graph.Node) *graph.Node {
				together := graph.Dot(x, y).General([]int{1 + leftAxis}, []int{0}, []int{1 + rightAxis}, []int{0})
				var alone []*graph.Node
				for i := range several {
					one := graph.Dot(graph.Squeeze(graph.Slice(x, graph.AxisRange(i, i+1)), 0), graph.Squeeze(graph.Slice(y, graph.AxisRange(i, i+1)), 0))
					alone = append(alone, one.General([]int{leftAxis}, nil, []int{rightAxis}, nil))
				}
				return graph.ReduceAllMax(graph.Abs(graph.Sub(together, graph.Stack(alone, 0))))
			})
			if difference := tensors.ToScalar[float32](exec.MustCall1(x, y)); difference != 0 {
				t.Errorf("%v, sums over axes %d and %d: %g off", size, leftAxis, rightAxis, difference)
			}
			exec.Finalize()
		}
	}
}

// TestSmallPrograms runs several programs that are small in all of their parts at the same time, so that who waits for one also helps
// another, and comes late. It wants the numbers of each to repeat to the bit. Some are denormal: what becomes of them must not depend on
// who computes.
func TestSmallPrograms(t *testing.T) {
	backend := gantest.XLA(t)
	random := rand.New(rand.NewPCG(5, 5))
	const n, times = 160, 200
	var all sync.WaitGroup
	for number := range 4 {
		x, y := matrix(random, n, n), matrix(random, n, n)
		exec := graph.MustNewExec(backend, func(x, y *graph.Node) *graph.Node {
			small := graph.MulScalar(graph.MatMul(x, y), 1e-38)
			return graph.MatMul(graph.Add(graph.MatMul(x, graph.MulScalar(y, 1e-38)), small), y)
		})
		want := tensors.MustCopyFlatData[float32](exec.MustCall1(x, y))
		all.Go(func() {
			for i := range times {
				if got := tensors.MustCopyFlatData[float32](exec.MustCall1(x, y)); !slices.Equal(got, want) {
					t.Errorf("program %d, call %d gives other numbers than the first", number, i)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestSums wants two products that are added up in one call to be the sum of both, to the bit.
func TestSums(t *testing.T) {
	backend := gantest.XLA(t)
	random := rand.New(rand.NewPCG(5, 5))
	for _, size := range [][3]int{{784, 512, 64}, {37, 51, 77}, {64, 8, 256}} {
		m, n, k := size[0], size[1], size[2]
		for _, turned := range []bool{false, true} {
			exec := graph.MustNewExec(backend, func(x, y, u, v *graph.Node) []*graph.Node {
				first, second := graph.Dot(x, y).General([]int{0}, nil, []int{0}, nil), graph.Dot(u, v).General([]int{0}, nil, []int{0}, nil)
				if turned {
					first, second = graph.TransposeAllAxes(first, 1, 0), graph.TransposeAllAxes(second, 1, 0)
				}
				return []*graph.Node{graph.Add(first, second)}
			})
			alone := graph.MustNewExec(backend, func(x, y *graph.Node) *graph.Node {
				product := graph.Dot(x, y).General([]int{0}, nil, []int{0}, nil)
				if turned {
					product = graph.TransposeAllAxes(product, 1, 0)
				}
				return product
			})
			x, y, u, v := matrix(random, k, m), matrix(random, k, n), matrix(random, k, m), matrix(random, k, n)
			got := tensors.MustCopyFlatData[float32](exec.MustCall1(x, y, u, v))
			first, second := tensors.MustCopyFlatData[float32](alone.MustCall1(x, y)), tensors.MustCopyFlatData[float32](alone.MustCall1(u, v))
			for i := range got {
				if want := first[i] + second[i]; got[i] != want {
					t.Fatalf("%v, transposed %v: number %d is %g, want %g", size, turned, i, got[i], want)
				}
			}
			exec.Finalize()
			alone.Finalize()
		}
	}
}

// TestProductsOfWhatIsNotFinite wants what is no number, or infinite, to reach all that it is summed into, and nothing else.
func TestProductsOfWhatIsNotFinite(t *testing.T) {
	const m, n, k = 20, 70, 300
	random := rand.New(rand.NewPCG(2, 2))
	a, b := make([]float32, m*k), make([]float32, k*n)
	for i := range a {
		a[i] = random.Float32() + 1
	}
	for i := range b {
		b[i] = random.Float32() + 1
	}
	a[3*k+299], b[7*n+69] = float32(math.NaN()), float32(math.Inf(1))
	exec := graph.MustNewExec(gantest.XLA(t), func(x, y *graph.Node) *graph.Node { return graph.MatMul(x, y) })
	for at, z := range tensors.MustCopyFlatData[float32](exec.MustCall1(tensors.FromFlatDataAndDimensions(a, m, k), tensors.FromFlatDataAndDimensions(b, k, n))) {
		i, j := at/n, at%n
		isNaN, isInf := z != z, math.IsInf(float64(z), 1)
		if isNaN != (i == 3) || isInf != (j == 69 && i != 3) {
			t.Fatalf("row %d, column %d is %g", i, j, z)
		}
	}
}

// TestProductsAreCalled looks into a program that was compiled: the processor that can has our products in the compiler's place.
func TestProductsAreCalled(t *testing.T) {
	const dumped = "GANTRY_TEST_DUMPED"
	if os.Getenv(dumped) != "" {
		exec := graph.MustNewExec(gantest.XLA(t), func(x, y *graph.Node) *graph.Node { return graph.MatMul(x, y) })
		random := rand.New(rand.NewPCG(3, 3))
		exec.MustCall(matrix(random, 64, 100), matrix(random, 100, 784))
		return
	}
	dir := t.TempDir()
	command := exec.Command(os.Args[0], "-test.run", "^TestProductsAreCalled$")
	command.Env = append(os.Environ(), dumped+"=1", "GANTRY_COMPILE_CACHE=off", "XLA_FLAGS=--xla_dump_to="+dir+" --xla_dump_hlo_as_text")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	programs, err := filepath.Glob(filepath.Join(dir, "*before_optimizations.txt"))
	if err != nil || len(programs) == 0 {
		t.Fatalf("no program was written: %v", err)
	}
	called := false
	for _, program := range programs {
		text, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		called = called || strings.Contains(string(text), `custom_call_target="gantry.product.1.10"`)
	}
	if able := wide.Able(); called != able {
		t.Errorf("the processor can: %v; the program calls our product: %v", able, called)
	}
}
