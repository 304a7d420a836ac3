package purego

import (
	"runtime"
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
)

// contraction is C[m, n] = Σₖ A[m, k]·B[k, n], for each of a batch. Where a number lies in memory is the sum of an offset by
// each of its indices: so transposed operands, the windows of a convolution and images as rows are read where they are.
type contraction struct {
	a, b    matrix
	out     matrix // C
	swapped bool   // A and B were exchanged, so that C is transposed
	lanes   int    // columns that are computed at once
	packed  []float32
	direct  bool  // B is read where it is
	byteK   []int // A's offsets by k, in bytes
}

// matrix says where the numbers of a batch of matrices lie: offsets by the index in the batch, of the row and of the column.
type matrix struct{ batch, rows, columns []int }

func (m matrix) transposed() matrix { return matrix{m.batch, m.columns, m.rows} }

const (
	rowsAtOnce = 4   // rows of a tile: with two vectors each, as many as Go's compiler keeps in registers
	mostLanes  = 32  // columns of a tile
	depth      = 256 // how much of k is taken at a time
)

// multiplies says whether there is a routine for n, a general product.
func multiplies(n *node) bool {
	return n.op == compute.OpTypeDotGeneral && isFloat(n) && isFloat(n.views[0]) && isFloat(n.views[1]) && n.size > 0 &&
		n.views[0].size > 0
}

// dot returns a routine for a general product of float32 numbers, or nil.
func dot(n *node) func(m *machine) error {
	if !multiplies(n) {
		return nil
	}
	p, x, y := n.data.(product), n.views[0], n.views[1]
	axesOf := func(of *node, side int) (batch, free, contract []int) {
		for axis := range of.shape.Rank() {
			if !slices.Contains(p.contract[side], axis) && !slices.Contains(p.batch[side], axis) {
				free = append(free, axis)
			}
		}
		return p.batch[side], free, p.contract[side]
	}
	xBatch, xFree, xContract := axesOf(x, 0)
	yBatch, yFree, yContract := axesOf(y, 1)
	dims, out := n.shape.Dimensions, stridesOf(n.shape.Dimensions)
	if p.order != nil {
		turnedDims, turned := slices.Clone(dims), slices.Clone(out)
		for i, axis := range p.order {
			turnedDims[axis], turned[axis] = dims[i], out[i]
		}
		dims, out = turnedDims, turned
	}
	outOffsets := func(first, count int) []int { return offsets(dims[first:first+count], out[first:first+count]) }
	xv, yv := operandOf(n, 0), operandOf(n, 1)
	c := &contraction{
		a: matrix{batch: pick(xv, xBatch), rows: pick(xv, xFree), columns: pick(xv, xContract)},
		b: matrix{batch: pick(yv, yBatch), rows: pick(yv, yContract), columns: pick(yv, yFree)},
		out: matrix{batch: outOffsets(0, len(xBatch)), rows: outOffsets(len(xBatch), len(xFree)),
			columns: outOffsets(len(xBatch)+len(xFree), len(yFree))},
	}
	c.prepare()
	a, b := operandOf(n, 0), operandOf(n, 1)
	return func(m *machine) error {
		c.run(m, m.floats(a.of)[a.begin:], m.floats(b.of)[b.begin:], m.floats(n))
		return nil
	}
}

// operandOf is where a product reads an input.
func operandOf(n *node, i int) view {
	if n.inputs[i].lazy {
		return viewOf(n.views[i])
	}
	return whole(n.views[i])
}

// pick is the offsets of all indices of some axes.
func pick(v view, axes []int) []int {
	var d, s []int
	for _, axis := range axes {
		d, s = append(d, v.dims[axis]), append(s, v.strides[axis])
	}
	return offsets(d, s)
}

// offsets lists the offsets of all indices, the last axis running fastest.
func offsets(dims, strides []int) []int {
	list := []int{0}
	for axis, dim := range dims {
		next := make([]int, 0, len(list)*dim)
		for _, base := range list {
			for i := range dim {
				next = append(next, base+i*strides[axis])
			}
		}
		list = next
	}
	return list
}

// convolve returns a routine for a convolution of float32 numbers, or nil.
func convolve(n *node) func(m *machine) error {
	v := n.data.(convolution)
	x, kernel := n.views[0], n.views[1]
	if !isFloat(n) || !isFloat(x) || !isFloat(kernel) || v.channelGroups > 1 || v.batchGroups > 1 || n.size == 0 {
		return nil
	}
	spatial := len(v.axes.InputSpatial)
	at := func(list []int, axis, otherwise int) int {
		if len(list) == 0 {
			return otherwise
		}
		return list[axis]
	}
	// The image with zeros around and between its pixels, if there are any.
	xDims, kDims, outDims := x.shape.Dimensions, kernel.shape.Dimensions, n.shape.Dimensions
	framed := slices.Clone(xDims)
	start := make([]int, spatial)
	plain := true
	for axis, of := range v.axes.InputSpatial {
		low, high := 0, 0
		if len(v.paddings) > 0 {
			low, high = v.paddings[axis][0], v.paddings[axis][1]
		}
		dilation := at(v.inputDilations, axis, 1)
		reach := (outDims[v.axes.OutputSpatial[axis]]-1)*at(v.strides, axis, 1) +
			(kDims[v.axes.KernelSpatial[axis]]-1)*at(v.kernelDilations, axis, 1) + 1
		size := (xDims[of]-1)*dilation + 1
		if low < 0 {
			return nil
		}
		if low > 0 || high > 0 || dilation > 1 {
			plain = false
		}
		framed[of], start[axis] = max(low+size, reach), low
	}
	xStrides, kStrides, outStrides := stridesOf(framed), stridesOf(kDims), stridesOf(outDims)
	frame := view{dims: xDims, strides: slices.Clone(xStrides)}
	for axis, of := range v.axes.InputSpatial {
		frame.begin += start[axis] * xStrides[of]
		frame.strides[of] *= at(v.inputDilations, axis, 1)
	}
	// m runs over the images and the places of the window, k over the window and the channels it reads; what is
	// contiguous in the image runs fastest.
	var mDims, mA, mC, kDimsAll, kA, kB []int
	addM := func(dim, a, c int) { mDims, mA, mC = append(mDims, dim), append(mA, a), append(mC, c) }
	addK := func(dim, a, b int) { kDimsAll, kA, kB = append(kDimsAll, dim), append(kA, a), append(kB, b) }
	batchLast := xStrides[v.axes.InputBatch] < xStrides[v.axes.InputChannels]
	batch := func() {
		addM(outDims[v.axes.OutputBatch], xStrides[v.axes.InputBatch], outStrides[v.axes.OutputBatch])
	}
	if !batchLast {
		batch()
	}
	channels := func() {
		addK(kDims[v.axes.KernelInputChannels], xStrides[v.axes.InputChannels], kStrides[v.axes.KernelInputChannels])
	}
	if batchLast {
		channels()
	}
	for axis, of := range v.axes.InputSpatial {
		addM(outDims[v.axes.OutputSpatial[axis]], at(v.strides, axis, 1)*xStrides[of], outStrides[v.axes.OutputSpatial[axis]])
		addK(kDims[v.axes.KernelSpatial[axis]], at(v.kernelDilations, axis, 1)*xStrides[of], kStrides[v.axes.KernelSpatial[axis]])
	}
	if batchLast {
		batch()
	} else {
		channels()
	}
	outChannels := []int{kDims[v.axes.KernelOutputChannels]}
	c := &contraction{
		a: matrix{batch: []int{0}, rows: offsets(mDims, mA), columns: offsets(kDimsAll, kA)},
		b: matrix{batch: []int{0}, rows: offsets(kDimsAll, kB),
			columns: offsets(outChannels, []int{kStrides[v.axes.KernelOutputChannels]})},
		out: matrix{batch: []int{0}, rows: offsets(mDims, mC),
			columns: offsets(outChannels, []int{outStrides[v.axes.OutputChannels]})},
	}
	c.prepare()
	a, b := n.inputs[0], n.inputs[1]
	if plain {
		return func(m *machine) error {
			c.run(m, m.floats(a), m.floats(b), m.floats(n))
			return nil
		}
	}
	var room []float32 // what is zero in it stays so
	place := frame.simple()
	return func(m *machine) error {
		if room == nil {
			room = floats(aligned(4 * sizeOf(framed)))
		}
		scatter(m, room, m.floats(a), place)
		c.run(m, room, m.floats(b), m.floats(n))
		return nil
	}
}

// scatter writes numbers in order to where a view says.
func scatter(m *machine, to, from []float32, v view) {
	last := len(v.dims) - 1
	rows, inner, stride := sizeOf(v.dims[:last]), v.dims[last], v.strides[last]
	tasks := pieces(rows, 1+1<<14/inner, 4*m.size)
	m.each(tasks, len(from)/2, func(task int) {
		for row := rows * task / tasks; row < rows*(task+1)/tasks; row++ {
			at := v.begin
			for axis, rest := last-1, row; axis >= 0; axis-- {
				at += rest % v.dims[axis] * v.strides[axis]
				rest /= v.dims[axis]
			}
			x := from[row*inner:][:inner]
			if stride == 1 || inner == 1 {
				copy(to[at:], x)
				continue
			}
			for i, y := range x {
				to[at+i*stride] = y
			}
		}
	})
}

// prepare decides how the contraction is computed.
func (c *contraction) prepare() {
	cost := func(a, b, out matrix) int {
		m, k, n := len(a.rows), len(a.columns), len(b.columns)
		cost := m * k * (n + lanesFor(n) - 1) / lanesFor(n) * lanesFor(n)
		if contiguous(b.columns) {
			cost += 2 * k * n
		} else {
			cost += 20 * k * n
		}
		if !contiguous(out.columns) {
			cost += 20 * m * n
		}
		return cost
	}
	if a, b, out := c.b.transposed(), c.a.transposed(), c.out.transposed(); cost(a, b, out) < cost(c.a, c.b, c.out) {
		c.a, c.b, c.out, c.swapped = a, b, out, true
	}
	c.lanes = lanesFor(len(c.b.columns))
	c.direct = contiguous(c.b.columns) && len(c.b.columns)%c.lanes == 0 && uniform(c.b.rows) && len(c.b.rows) > 1 && c.b.rows[1] <= 256 ||
		contiguous(c.b.columns) && len(c.b.columns) == c.lanes && len(c.b.rows) == 1
	c.byteK = make([]int, len(c.a.columns))
	for i, k := range c.a.columns {
		c.byteK[i] = 4 * k
	}
}

func lanesFor(n int) int {
	if n <= 16 || !wide {
		return 16
	}
	return mostLanes
}

func contiguous(offsets []int) bool {
	for i, o := range offsets {
		if o != offsets[0]+i {
			return false
		}
	}
	return true
}

func uniform(offsets []int) bool {
	for i := range offsets {
		if i > 0 && offsets[i]-offsets[i-1] != offsets[1]-offsets[0] {
			return false
		}
	}
	return true
}

func (c *contraction) run(m *machine, a, b, out []float32) {
	if c.swapped {
		a, b = b, a
	}
	rows, deep, columns := len(c.a.rows), len(c.a.columns), len(c.b.columns)
	strips := (columns + c.lanes - 1) / c.lanes
	perBatch := strips * c.lanes * deep
	if !c.direct {
		if c.packed == nil {
			c.packed = floats(aligned(4 * perBatch * len(c.b.batch)))
		}
		m.each(len(c.b.batch)*strips, perBatch*len(c.b.batch)/4, func(i int) {
			c.pack(c.packed[i/strips*perBatch+i%strips*c.lanes*deep:], b[c.b.batch[i/strips]:], i%strips)
		})
	}
	// A task is a block of rows, of some strips where there are few rows.
	work := len(c.a.batch) * rows * deep * strips * c.lanes / 32
	blocks := pieces(rows, rowsAtOnce, (rows+95)/96)
	cuts := 1
	if len(c.a.batch)*blocks < 2*m.size {
		blocks = pieces(rows, rowsAtOnce, 2*m.size)
		if len(c.a.batch)*blocks < 2*m.size {
			cuts = min(strips, 2*m.size)
		}
	}
	tiles := (rows + rowsAtOnce - 1) / rowsAtOnce
	m.each(len(c.a.batch)*blocks*cuts, work, func(i int) {
		batch, block, cut := i/(blocks*cuts), i/cuts%blocks, i%cuts
		c.block(a[c.a.batch[batch]:], b[c.b.batch[batch]:], out[c.out.batch[batch]:], batch*perBatch,
			tiles*block/blocks*rowsAtOnce, min(rows, tiles*(block+1)/blocks*rowsAtOnce), strips*cut/cuts, strips*(cut+1)/cuts)
	})
}

// pack copies a strip of columns of B, with zeros where there are none.
func (c *contraction) pack(to, b []float32, strip int) {
	deep, lanes := len(c.b.rows), c.lanes
	columns := c.b.columns[strip*lanes : min(len(c.b.columns), (strip+1)*lanes)]
	if contiguous(columns) {
		for k, at := range c.b.rows {
			n := copy(to[k*lanes:][:lanes], b[at+columns[0]:][:len(columns)])
			clear(to[k*lanes+n : (k+1)*lanes])
		}
		return
	}
	if len(columns) < lanes {
		clear(to[:deep*lanes])
	}
	for j, n := range columns {
		column := b[n:]
		to := to[j:]
		for k, at := range c.b.rows {
			to[k*lanes] = column[at]
		}
	}
}

// block computes some rows of some strips.
func (c *contraction) block(a, b, out []float32, packed, begin, end, firstStrip, lastStrip int) {
	deep, lanes := len(c.a.columns), c.lanes
	var tile [rowsAtOnce * mostLanes]float32
	var rows [rowsAtOnce]*float32
	inOrder := contiguous(c.out.columns)
	for k := 0; k < deep; k += depth {
		length := min(depth, deep-k)
		for strip := firstStrip; strip < lastStrip; strip++ {
			panel, stride := b, 0
			if c.direct {
				panel = b[c.b.rows[k]+c.b.columns[strip*lanes]:]
				if len(c.b.rows) > 1 {
					stride = c.b.rows[1] - c.b.rows[0]
				}
			} else {
				panel, stride = c.packed[packed+(strip*deep+k)*lanes:], lanes
			}
			columns := min(lanes, len(c.out.columns)-strip*lanes)
			for row := begin; row < end; row += rowsAtOnce {
				count := min(rowsAtOnce, end-row)
				for i := range rows {
					rows[i] = &a[c.a.rows[row+min(i, count-1)]]
				}
				multiply(&rows, &c.byteK[k], &panel[0], 4*stride, length, lanes, &tile)
				for i := range count {
					x := tile[i*lanes:][:columns]
					switch {
					case !inOrder:
						at := out[c.out.rows[row+i]:]
						for j, y := range x {
							if k > 0 {
								y += at[c.out.columns[strip*lanes+j]]
							}
							at[c.out.columns[strip*lanes+j]] = y
						}
					case k > 0:
						to := out[c.out.rows[row+i]+c.out.columns[0]+strip*lanes:][:columns]
						add(to, to, x)
					default:
						copy(out[c.out.rows[row+i]+c.out.columns[0]+strip*lanes:][:columns], x)
					}
				}
			}
		}
	}
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
}

// multiplyPlainly is multiply without vectors: two columns at a time, as many as there are registers for.
func multiplyPlainly(rows *[rowsAtOnce]*float32, offsets *int, b *float32, stride, deep, lanes int, tile *[rowsAtOnce * mostLanes]float32) {
	list := unsafe.Slice(offsets, deep)
	number := func(of *float32, bytes int) float32 { return *(*float32)(unsafe.Add(unsafe.Pointer(of), bytes)) }
	r0, r1, r2, r3 := rows[0], rows[1], rows[2], rows[3]
	for j := 0; j < lanes; j += 2 {
		var a0, a1, b0, b1, c0, c1, d0, d1 float32
		at := 4 * j
		for _, offset := range list {
			y0, y1 := number(b, at), number(b, at+4)
			x0, x1, x2, x3 := number(r0, offset), number(r1, offset), number(r2, offset), number(r3, offset)
			a0, a1 = a0+x0*y0, a1+x0*y1
			b0, b1 = b0+x1*y0, b1+x1*y1
			c0, c1 = c0+x2*y0, c1+x2*y1
			d0, d1 = d0+x3*y0, d1+x3*y1
			at += stride
		}
		tile[j], tile[j+1] = a0, a1
		tile[lanes+j], tile[lanes+j+1] = b0, b1
		tile[2*lanes+j], tile[2*lanes+j+1] = c0, c1
		tile[3*lanes+j], tile[3*lanes+j+1] = d0, d1
	}
}
