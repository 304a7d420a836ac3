package speed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"gantry.local/gan/device"
	"gantry.local/gan/lint"
)

// Roofline is what the processor could do, and what the workloads need of it.
type Roofline struct {
	Products float64              `json:"products"` // operations a second, of a large matrix product
	Copy     float64              `json:"copy"`     // bytes a second, read and written, of arrays far larger than the caches
	Rows     map[string]lint.Cost `json:"rows"`     // by workload
}

// roofline measures the peaks by the backend that trains, and counts the workloads' graphs. The counting is done on the Go
// backend, which compiles nothing, so that what is counted does not depend on how a convolution is computed.
func (m *measuring) roofline(ctx context.Context) error {
	backend, err := device.Open(m.Backend)
	if err != nil {
		return err
	}
	defer backend.Finalize()
	r := &Roofline{Rows: map[string]lint.Cost{}}
	if r.Products, err = peakProduct(ctx, backend); err != nil {
		return err
	}
	if r.Copy, err = peakCopy(ctx, backend); err != nil {
		return err
	}
	m.log("peaks: %.0f GFLOP/s of products, %.1f GB/s of copies", r.Products/1e9, r.Copy/1e9)
	tracing, err := device.Open("go")
	if err != nil {
		return err
	}
	defer tracing.Finalize()
	for _, row := range m.report.Rows {
		w, err := Named(row.Workload)
		if err != nil {
			return err
		}
		if w.draw > 0 {
			continue
		}
		c, err := w.costOf(tracing)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		r.Rows[w.Name] = c
	}
	m.report.Roofline = r
	return nil
}

// peakProduct is the best of some products of matrices of 2048×2048, in operations a second.
func peakProduct(ctx context.Context, backend compute.Backend) (float64, error) {
	const n = 2048
	seconds, err := bestOf(ctx, backend, shapes.Make(dtypes.Float32, n, n), func(x *graph.Node) *graph.Node {
		return graph.MatMul(x, x)
	})
	return 2 * n * n * n / seconds, err
}

// peakCopy is the best of some passes over an array of 256 MB, in bytes read and written a second.
func peakCopy(ctx context.Context, backend compute.Backend) (float64, error) {
	const n = 64 << 20
	seconds, err := bestOf(ctx, backend, shapes.Make(dtypes.Float32, n), func(x *graph.Node) *graph.Node { return graph.Neg(x) })
	return 2 * 4 * n / seconds, err
}

// bestOf is the shortest time of ten runs of a graph on numbers that lie on the device already, in seconds.
func bestOf(ctx context.Context, backend compute.Backend, shape shapes.Shape, of func(x *graph.Node) *graph.Node) (float64, error) {
	zeros, err := graph.NewExec(backend, func(g *graph.Graph) *graph.Node {
		return graph.AddScalar(graph.BroadcastToDims(graph.Scalar(g, shape.DType, 0), shape.Dimensions...), 1)
	})
	if err != nil {
		return 0, err
	}
	x, err := zeros.Call1()
	if err != nil {
		return 0, err
	}
	defer x.FinalizeAll()
	exec, err := graph.NewExec(backend, of)
	if err != nil {
		return 0, err
	}
	defer exec.Finalize()
	best := 0.0
	for i := range 11 {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		begin := time.Now()
		y, err := exec.Call1(x)
		if err != nil {
			return 0, err
		}
		spent := time.Since(begin).Seconds()
		if err := y.FinalizeAll(); err != nil {
			return 0, err
		}
		if i == 0 { // compiles
			continue
		}
		if best == 0 || spent < best {
			best = spent
		}
	}
	return best, nil
}

// write is the table of shares, for the speeds of the report.
func (r *Roofline) write(b *strings.Builder, of *Report) {
	rows := [][]string{{"workload", "GFLOP a step", "MB of weights and state", "MB of operands", "at the peaks, ms", "measured, ms", "share", "the rest"}}
	for _, row := range of.Rows {
		c, counted := r.Rows[row.Workload]
		if !counted {
			continue
		}
		var took float64
		for _, m := range row.Measured {
			if m.Framework == Gantry {
				took = 1 / median(m.Rates)
			}
		}
		bound := max(c.Products/r.Products, c.Kept/r.Copy)
		rows = append(rows, []string{row.Workload, fmt.Sprintf("%.3g", c.Products/1e9), fmt.Sprintf("%.3g", c.Kept/1e6), fmt.Sprintf("%.3g", c.Bytes/1e6),
			fmt.Sprintf("%.3g", bound*1e3),
			fmt.Sprintf("%.3g", took*1e3), fmt.Sprintf("%.0f %%", 100*bound/took), r.rest(c, took)})
	}
	b.WriteString("\n")
	table(b, rows)
	fmt.Fprintf(b, "\nPeaks of this processor, by the same compiler: %.0f GFLOP/s in a product of 2048×2048, %.1f GB/s in a copy of 256 MB. Counted in the "+
		"graph of the step: products and direct convolutions with 2 operations a multiplication, padding included; weights and optimizer state, read and "+
		"written; operands and results of products and sums, once each, which caches may hold. The share is of the larger of the times of products and "+
		"of weights and state.\n", r.Products/1e9, r.Copy/1e9)
}

// rest names what takes the time that the bound does not explain.
func (r *Roofline) rest(c lint.Cost, took float64) string {
	const call = 2e-6 // seconds for an operation that does nothing: of its kernel's call and the hand-over between threads
	bound, operands, loose := max(c.Products/r.Products, c.Kept/r.Copy), c.Bytes/r.Copy, c.Loose/r.Copy
	switch left := took - bound; {
	case left < 0.1*took:
		return "little"
	case float64(c.Nodes)*call > 0.4*took:
		return fmt.Sprintf("overhead: %d operations of %.1f µs each", c.Nodes, took/float64(c.Nodes)*1e6)
	case operands > 0.5*left:
		return fmt.Sprintf("operands through memory (%.3g ms, were no cache), elementwise loops (%.3g ms, were none fused)", operands*1e3, loose*1e3)
	case loose > 0.5*left:
		return fmt.Sprintf("elementwise loops: %.3g ms, were none fused", loose*1e3)
	}
	return "products below the peak: their shapes are small, or padded and transposed"
}
