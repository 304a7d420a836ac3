package purego

import (
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// block is how many numbers a loop takes at a time: as many as leave what it holds in the first cache.
const block = 1024

// opcode is how an elementwise operation is done for a block.
type opcode struct {
	truth bool // its inputs are truth values
	one   func(to, x []float32)
	two   func(to, x, y []float32)
	three func(to, x, y, z []float32)
}

// Truth values are 1 and 0 within a loop.
var opcodes = map[compute.OpType]opcode{
	compute.OpTypeAdd:            {two: add},
	compute.OpTypeSub:            {two: sub},
	compute.OpTypeMul:            {two: mul},
	compute.OpTypeDiv:            {two: div},
	compute.OpTypeMax:            {two: larger},
	compute.OpTypeMin:            {two: smaller},
	compute.OpTypePow:            {two: pow},
	compute.OpTypeNeg:            {one: neg},
	compute.OpTypeAbs:            {one: abs},
	compute.OpTypeSqrt:           {one: sqrt},
	compute.OpTypeRsqrt:          {one: rsqrt},
	compute.OpTypeSign:           {one: sign},
	compute.OpTypeExp:            {one: exp},
	compute.OpTypeExpm1:          {one: expm1},
	compute.OpTypeLog:            {one: log},
	compute.OpTypeLog1p:          {one: log1p},
	compute.OpTypeTanh:           {one: tanh},
	compute.OpTypeLogistic:       {one: logistic},
	compute.OpTypeErf:            {one: erf},
	compute.OpTypeSin:            {one: sin},
	compute.OpTypeCos:            {one: cos},
	compute.OpTypeFloor:          {one: floor},
	compute.OpTypeCeil:           {one: ceil},
	compute.OpTypeEqual:          {two: equal},
	compute.OpTypeNotEqual:       {two: notEqual},
	compute.OpTypeLessThan:       {two: less},
	compute.OpTypeLessOrEqual:    {two: lessOrEqual},
	compute.OpTypeGreaterThan:    {two: func(to, x, y []float32) { less(to, y, x) }},
	compute.OpTypeGreaterOrEqual: {two: func(to, x, y []float32) { lessOrEqual(to, y, x) }},
	compute.OpTypeWhere:          {three: where},
	compute.OpTypeClamp:          {three: func(to, low, x, high []float32) { larger(to, x, low); smaller(to, to, high) }},
	compute.OpTypeLogicalAnd:     {truth: true, two: mul},
	compute.OpTypeLogicalOr:      {truth: true, two: larger},
	compute.OpTypeLogicalXor:     {truth: true, two: notEqual},
	compute.OpTypeLogicalNot:     {truth: true, one: not},
}

// loop is the code of a unit of elementwise nodes.
type loop struct {
	size      int
	registers int
	scalars   []operand
	loads     []operand
	code      []instruction
	stores    []operand
	cost      int // of all of it, in about nanoseconds
	room      sync.Pool
}

// operand is a register and where its numbers come from or go to.
type operand struct {
	register int
	n        *node
	v        view
	kind     dtypes.DType
	direct   bool // the register is the memory itself
}

type instruction struct {
	opcode
	to, x, y, z int
}

// registers are where a loop's numbers are, for one core.
type registers struct {
	at      [][]float32
	scratch []float32
	scalars []float32 // what the registers of the loop's scalars are filled with
	filled  bool
}

// step returns the step of a program that does what the unit does.
func (u *unit) step() step {
	if !u.loop {
		return single(u.nodes)
	}
	within := map[*node]int{} // readers
	for _, n := range u.nodes {
		for _, in := range n.inputs {
			within[in]++
		}
	}
	l := &loop{size: u.size}
	s := step{name: fmt.Sprintf("loop of %d over %d", len(u.nodes), u.size), run: l.run}
	register := map[*node]int{}
	loaded := map[string]int{}
	fresh := func() int { l.registers++; return l.registers - 1 }
	operandOf := func(n *node, i int) int {
		in := n.inputs[i]
		if r, ok := register[in]; ok {
			return r
		}
		o := operand{n: in, kind: in.shape.DType}
		v := whole(n.views[i])
		switch {
		case in.size == 1 && !in.lazy:
			v = view{of: in, dims: []int{1}, strides: []int{0}}
		case in.size != u.size: // axes of length 1 are repeated
			v = view{of: in, dims: n.shape.Dimensions, strides: make([]int, n.shape.Rank())}
			for axis, dim := range n.views[i].shape.Dimensions {
				if dim > 1 {
					v.strides[axis] = stridesOf(n.views[i].shape.Dimensions)[axis]
				}
			}
		case in.lazy:
			v = viewOf(in)
		}
		o.v = v.simple()
		o.n = o.v.of
		o.kind = o.n.shape.DType
		key := fmt.Sprint(o.n.index, o.v.begin, o.v.dims, o.v.strides)
		if r, ok := loaded[key]; ok {
			return r
		}
		o.register = fresh()
		loaded[key] = o.register
		if !slices.Contains(s.reads, o.n) {
			s.reads = append(s.reads, o.n)
		}
		if in.size == 1 || sizeOf(o.v.dims) == 1 || allZero(o.v.strides) {
			l.scalars = append(l.scalars, o)
		} else {
			o.direct = o.v.contiguous() && o.kind == dtypes.Float32
			l.loads = append(l.loads, o)
		}
		return o.register
	}
	for _, n := range u.nodes {
		var in [3]int
		for i := range n.inputs {
			in[i] = operandOf(n, i)
		}
		if n.op == compute.OpTypeConvertDType && isFloat(n) { // loading has made them floats
			register[n] = in[0]
			if n.output || n.readers > within[n] {
				c := instruction{opcode: opcode{one: func(to, x []float32) { copy(to, x) }}, to: fresh(), x: in[0]}
				l.code = append(l.code, c)
				register[n] = c.to
			}
		} else {
			code := opcodes[n.op]
			if n.op == compute.OpTypeConvertDType {
				code = opcode{one: truth}
			}
			register[n] = fresh()
			l.code = append(l.code, instruction{opcode: code, to: register[n], x: in[0], y: in[1], z: in[2]})
			l.cost += costOf(n.op) * u.size / 16
		}
		if n.output || n.readers > within[n] {
			s.writes = append(s.writes, n)
			l.stores = append(l.stores, operand{register: register[n], n: n, kind: n.shape.DType, direct: isFloat(n)})
		}
	}
	l.cost += (len(l.loads) + len(l.stores)) * u.size / 8
	return s
}

func allZero(strides []int) bool {
	for _, s := range strides {
		if s != 0 {
			return false
		}
	}
	return true
}

// costOf is about how many nanoseconds sixteen of an operation take.
func costOf(op compute.OpType) int {
	switch op {
	case compute.OpTypeExp, compute.OpTypeExpm1, compute.OpTypeLog, compute.OpTypeLog1p, compute.OpTypeTanh,
		compute.OpTypeLogistic, compute.OpTypeErf, compute.OpTypeSin, compute.OpTypeCos, compute.OpTypePow:
		return 160
	case compute.OpTypeDiv, compute.OpTypeSqrt, compute.OpTypeRsqrt:
		return 4
	}
	return 2
}

func (l *loop) run(m *machine) error {
	const perTask = 8 * block
	tasks := (l.size + perTask - 1) / perTask
	m.each(tasks, l.cost, func(task int) {
		r := l.take()
		for i, o := range l.scalars {
			if x := scalar(m, o); !r.filled || r.scalars[i] != x {
				fill(r.at[o.register], x)
				r.scalars[i] = x
			}
		}
		r.filled = true
		for begin := task * perTask; begin < min(l.size, (task+1)*perTask); begin += block {
			l.block(m, r, begin, min(block, l.size-begin))
		}
		l.room.Put(r)
	})
	return nil
}

func (l *loop) take() *registers {
	if r, ok := l.room.Get().(*registers); ok {
		return r
	}
	r := &registers{at: make([][]float32, l.registers), scratch: floats(aligned(4 * block * l.registers)),
		scalars: make([]float32, len(l.scalars))}
	for i := range r.at {
		r.at[i] = r.scratch[i*block : (i+1)*block]
	}
	return r
}

func (l *loop) block(m *machine, r *registers, begin, n int) {
	for _, o := range l.loads {
		switch own := r.scratch[o.register*block:][:n]; {
		case o.direct:
			r.at[o.register] = m.floats(o.n)[o.v.begin+begin:][:n]
		case o.kind == dtypes.Float32:
			gather(own, m.floats(o.n), o.v, begin)
		default:
			load(own, m, o, begin)
		}
	}
	for _, o := range l.stores {
		if o.direct {
			r.at[o.register] = m.floats(o.n)[begin:][:n]
		}
	}
	for i := range l.code {
		c := &l.code[i]
		switch {
		case c.two != nil:
			c.two(r.at[c.to][:n], r.at[c.x][:n], r.at[c.y][:n])
		case c.one != nil:
			c.one(r.at[c.to][:n], r.at[c.x][:n])
		default:
			c.three(r.at[c.to][:n], r.at[c.x][:n], r.at[c.y][:n], r.at[c.z][:n])
		}
	}
	for _, o := range l.stores {
		if !o.direct { // truth values are bytes in memory
			to := m.bytes(o.n)[begin:][:n]
			for i, x := range r.at[o.register][:n] {
				to[i] = byte(x)
			}
		}
	}
}

// load reads numbers of another type as floats.
func load(to []float32, m *machine, o operand, begin int) {
	switch o.kind {
	case dtypes.Int32:
		var room [block]int32
		from := m.bytes(o.n)
		gather(room[:len(to)], unsafe.Slice((*int32)(unsafe.Pointer(&from[0])), o.n.size), o.v, begin)
		for i := range to {
			to[i] = float32(room[i])
		}
	default: // bytes and truth values
		var room [block]byte
		gather(room[:len(to)], m.bytes(o.n), o.v, begin)
		for i := range to {
			to[i] = float32(room[i])
		}
	}
}

func scalar(m *machine, o operand) float32 {
	switch o.kind {
	case dtypes.Float32:
		return m.floats(o.n)[o.v.begin]
	case dtypes.Int32:
		return float32(*(*int32)(unsafe.Pointer(&m.bytes(o.n)[4*o.v.begin])))
	}
	return float32(m.bytes(o.n)[o.v.begin])
}
