package export_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// An independent reading of exported models: protocol buffers back to nodes, and a slow evaluator by the text of the
// ONNX operator specification, https://onnx.ai/onnx/operators.

type array struct {
	dims   []int
	values []float64
}

type operator struct {
	op              string
	inputs, outputs []string
	numbers         map[string][]int
}

type declared struct {
	dims  []int
	dtype int
}

type onnxModel struct {
	version, opset  int
	nodes           []operator
	constants       map[string]array
	inputs, outputs map[string]declared
}

// fields calls f for every field of a message; n is its number or fixed value, b its bytes.
func fields(t testing.TB, m []byte, f func(field protowire.Number, n uint64, b []byte)) {
	t.Helper()
	for len(m) > 0 {
		field, kind, size := protowire.ConsumeTag(m)
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		m = m[size:]
		var n uint64
		var b []byte
		switch kind {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(m)
		case protowire.BytesType:
			b, size = protowire.ConsumeBytes(m)
		default:
			t.Fatalf("field %d has wire type %d", field, kind)
		}
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		f(field, n, b)
		m = m[size:]
	}
}

func parse(t testing.TB, file []byte) *onnxModel {
	t.Helper()
	m := &onnxModel{constants: map[string]array{}, inputs: map[string]declared{}, outputs: map[string]declared{}}
	fields(t, file, func(field protowire.Number, n uint64, b []byte) {
		switch field {
		case 1:
			m.version = int(n)
		case 8:
			fields(t, b, func(field protowire.Number, n uint64, _ []byte) {
				if field == 2 {
					m.opset = int(n)
				}
			})
		case 7:
			fields(t, b, func(field protowire.Number, _ uint64, b []byte) { m.graphField(t, field, b) })
		}
	})
	return m
}

func (m *onnxModel) graphField(t testing.TB, field protowire.Number, b []byte) {
	switch field {
	case 1:
		n := operator{numbers: map[string][]int{}}
		fields(t, b, func(field protowire.Number, _ uint64, b []byte) {
			switch field {
			case 1:
				n.inputs = append(n.inputs, string(b))
			case 2:
				n.outputs = append(n.outputs, string(b))
			case 4:
				n.op = string(b)
			case 5:
				var name string
				numbers := []int{}
				fields(t, b, func(field protowire.Number, value uint64, b []byte) {
					switch field {
					case 1:
						name = string(b)
					case 3, 8:
						numbers = append(numbers, int(value))
					}
				})
				n.numbers[name] = numbers
			}
		})
		m.nodes = append(m.nodes, n)
	case 5:
		var name string
		var c array
		var dtype int
		var raw []byte
		fields(t, b, func(field protowire.Number, n uint64, b []byte) {
			switch field {
			case 1:
				c.dims = append(c.dims, int(n))
			case 2:
				dtype = int(n)
			case 8:
				name = string(b)
			case 9:
				raw = b
			}
		})
		for len(raw) > 0 {
			switch dtype {
			case 1:
				c.values = append(c.values, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
				raw = raw[4:]
			case 6:
				c.values = append(c.values, float64(int32(binary.LittleEndian.Uint32(raw))))
				raw = raw[4:]
			case 7:
				c.values = append(c.values, float64(int64(binary.LittleEndian.Uint64(raw))))
				raw = raw[8:]
			case 9:
				c.values = append(c.values, float64(raw[0]))
				raw = raw[1:]
			default:
				t.Fatalf("initializer %s has element type %d", name, dtype)
			}
		}
		m.constants[name] = c
	case 11, 12:
		var name string
		var d declared
		fields(t, b, func(field protowire.Number, _ uint64, b []byte) {
			if field == 1 {
				name = string(b)
				return
			}
			fields(t, b, func(_ protowire.Number, _ uint64, b []byte) { // TypeProto.tensor_type
				fields(t, b, func(_ protowire.Number, n uint64, b []byte) {
					if d.dtype = max(d.dtype, int(n)); b == nil {
						return
					}
					fields(t, b, func(_ protowire.Number, _ uint64, b []byte) { // dim
						fields(t, b, func(_ protowire.Number, n uint64, _ []byte) { d.dims = append(d.dims, int(n)) })
					})
				})
			})
		})
		if field == 11 {
			m.inputs[name] = d
		} else {
			m.outputs[name] = d
		}
	}
}

// check wants a well-formed graph: every input made before it is used, every name made once, nothing unused.
func (m *onnxModel) check(t testing.TB) {
	t.Helper()
	made, used := map[string]bool{}, map[string]bool{}
	for name := range m.inputs {
		made[name], used[name] = true, true
	}
	for name, c := range m.constants {
		made[name] = true
		if len(c.values) != size(c.dims) {
			t.Errorf("initializer %s of %v has %d values", name, c.dims, len(c.values))
		}
	}
	for name := range m.outputs {
		used[name] = true
	}
	for _, n := range m.nodes {
		for _, input := range n.inputs {
			if used[input] = true; !made[input] {
				t.Errorf("%s uses %s before it is made", n.op, input)
			}
		}
		for _, output := range n.outputs {
			if made[output] {
				t.Errorf("%s is made twice", output)
			}
			made[output] = true
		}
	}
	for name := range made {
		if !used[name] {
			t.Errorf("%s is not used", name)
		}
	}
	if m.version != 8 || m.opset != 17 || len(m.outputs) != 1 {
		t.Errorf("version %d, opset %d, outputs %v", m.version, m.opset, m.outputs)
	}
}

// run evaluates the model and returns its output, whose shape must be the declared one.
func (m *onnxModel) run(t testing.TB, inputs map[string]array, output string) array {
	t.Helper()
	known := map[string]array{}
	for name, c := range m.constants {
		known[name] = c
	}
	for name, x := range inputs {
		known[name] = x
	}
	for _, n := range m.nodes {
		var args []array
		for _, input := range n.inputs {
			args = append(args, known[input])
		}
		out := n.evaluate(t, args)
		if len(out.values) != size(out.dims) {
			t.Fatalf("%s made %d values of %v", n.op, len(out.values), out.dims)
		}
		known[n.outputs[0]] = out
	}
	out, found := known[output]
	if !found || !slices.Equal(out.dims, m.outputs[output].dims) {
		t.Fatalf("output %s is of %v, and declared %v", output, out.dims, m.outputs[output].dims)
	}
	return out
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// each calls f with every index of dims in row-major order.
func each(dims []int, f func(at []int)) {
	at := make([]int, len(dims))
	for range size(dims) {
		f(at)
		for axis := len(dims) - 1; axis >= 0; axis-- {
			if at[axis]++; at[axis] < dims[axis] {
				break
			}
			at[axis] = 0
		}
	}
}

// get is a[at], with at's last axes aligned to a's and axes of length 1 broadcast.
func (a array) get(at []int) float64 {
	flat := 0
	for axis, dim := range a.dims {
		i := at[len(at)-len(a.dims)+axis]
		if dim == 1 {
			i = 0
		}
		flat = flat*dim + i
	}
	return a.values[flat]
}

func (a array) ints() []int {
	out := make([]int, len(a.values))
	for i, v := range a.values {
		out[i] = int(v)
	}
	return out
}

// build makes an array of dims from a function of the index.
func build(dims []int, f func(at []int) float64) array {
	out := array{dims: slices.Clone(dims)}
	each(dims, func(at []int) { out.values = append(out.values, f(at)) })
	return out
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unaries() map[string]func(float64) float64 {
	return map[string]func(float64) float64{
		"Abs": math.Abs, "Neg": func(x float64) float64 { return -x }, "Exp": math.Exp, "Log": math.Log, "Sqrt": math.Sqrt,
		"Sin": math.Sin, "Cos": math.Cos, "Tanh": math.Tanh, "Erf": math.Erf, "Floor": math.Floor, "Ceil": math.Ceil,
		"Round": math.RoundToEven, "Reciprocal": func(x float64) float64 { return 1 / x },
		"Sign":    func(x float64) float64 { return truth(x > 0) - truth(x < 0) },
		"Sigmoid": func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		"Not":     func(x float64) float64 { return 1 - x }, "Identity": func(x float64) float64 { return x },
	}
}

func binaries() map[string]func(a, b float64) float64 {
	return map[string]func(a, b float64) float64{
		"Add": func(a, b float64) float64 { return a + b }, "Sub": func(a, b float64) float64 { return a - b },
		"Mul": func(a, b float64) float64 { return a * b }, "Div": func(a, b float64) float64 { return a / b },
		"Mod": math.Mod, "Pow": math.Pow, "Max": math.Max, "Min": math.Min,
		"Equal":          func(a, b float64) float64 { return truth(a == b) },
		"Greater":        func(a, b float64) float64 { return truth(a > b) },
		"GreaterOrEqual": func(a, b float64) float64 { return truth(a >= b) },
		"Less":           func(a, b float64) float64 { return truth(a < b) },
		"LessOrEqual":    func(a, b float64) float64 { return truth(a <= b) },
		"And":            func(a, b float64) float64 { return a * b }, "Or": math.Max,
		"Xor": func(a, b float64) float64 { return math.Abs(a - b) },
	}
}

func broadcast(t testing.TB, shapes ...array) []int {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s.dims))
	}
	dims := slices.Repeat([]int{1}, rank)
	for _, s := range shapes {
		for i, d := range s.dims {
			switch at := &dims[rank-len(s.dims)+i]; {
			case *at == 1:
				*at = d
			case d != 1 && d != *at:
				t.Fatalf("%v and %v do not broadcast", dims, s.dims)
			}
		}
	}
	return dims
}

func (n operator) evaluate(t testing.TB, args []array) array {
	x := args[0]
	if f, found := unaries()[n.op]; found {
		return build(x.dims, func(at []int) float64 { return f(x.get(at)) })
	}
	if f, found := binaries()[n.op]; found {
		return build(broadcast(t, x, args[1]), func(at []int) float64 { return f(x.get(at), args[1].get(at)) })
	}
	switch n.op {
	case "Where":
		return build(broadcast(t, args...), func(at []int) float64 {
			if x.get(at) != 0 {
				return args[1].get(at)
			}
			return args[2].get(at)
		})
	case "Cast":
		return build(x.dims, func(at []int) float64 {
			switch n.numbers["to"][0] {
			case 1:
				return x.get(at)
			case 9:
				return truth(x.get(at) != 0)
			}
			return math.Trunc(x.get(at))
		})
	case "Reshape":
		return array{args[1].ints(), x.values}
	case "Expand":
		return build(broadcast(t, x, array{dims: args[1].ints()}), x.get)
	case "Transpose":
		perm := n.numbers["perm"]
		dims, from := make([]int, len(perm)), make([]int, len(perm))
		for i, p := range perm {
			dims[i] = x.dims[p]
		}
		return build(dims, func(at []int) float64 {
			for i, p := range perm {
				from[p] = at[i]
			}
			return x.get(from)
		})
	case "Concat":
		axis := n.numbers["axis"][0]
		dims := slices.Clone(x.dims)
		for _, a := range args[1:] {
			dims[axis] += a.dims[axis]
		}
		return build(dims, func(at []int) float64 {
			from := slices.Clone(at)
			for _, a := range args {
				if from[axis] < a.dims[axis] {
					return a.get(from)
				}
				from[axis] -= a.dims[axis]
			}
			t.Fatal("beyond the last part")
			return 0
		})
	case "Slice":
		return slice(x, args[1].ints(), args[2].ints(), args[3].ints(), args[4].ints())
	case "Pad":
		pads, dims := args[1].ints(), slices.Clone(x.dims)
		for axis := range dims {
			dims[axis] += pads[axis] + pads[len(dims)+axis]
		}
		return build(dims, func(at []int) float64 {
			from := slices.Clone(at)
			for axis := range from {
				if from[axis] -= pads[axis]; from[axis] < 0 || from[axis] >= x.dims[axis] {
					return args[2].values[0]
				}
			}
			return x.get(from)
		})
	case "ReduceSum":
		return reduce(x, args[1].ints(), 0, func(a, b float64) float64 { return a + b })
	case "ReduceMax":
		return reduce(x, n.numbers["axes"], math.Inf(-1), math.Max)
	case "ReduceMin":
		return reduce(x, n.numbers["axes"], math.Inf(1), math.Min)
	case "ReduceProd":
		return reduce(x, n.numbers["axes"], 1, func(a, b float64) float64 { return a * b })
	case "ArgMax", "ArgMin":
		axis := n.numbers["axis"][0]
		return build(slices.Delete(slices.Clone(x.dims), axis, axis+1), func(at []int) float64 {
			best := 0
			value := func(i int) float64 { return x.get(slices.Insert(slices.Clone(at), axis, i)) }
			for i := range x.dims[axis] {
				if n.op == "ArgMax" && value(i) > value(best) || n.op == "ArgMin" && value(i) < value(best) {
					best = i
				}
			}
			return float64(best)
		})
	case "MatMul":
		y, rank := args[1], len(x.dims)
		dims := slices.Clone(x.dims)
		dims[rank-1] = y.dims[rank-1]
		return build(dims, func(at []int) float64 {
			var sum float64
			left, right := slices.Clone(at), slices.Clone(at)
			for i := range x.dims[rank-1] {
				left[rank-1], right[rank-2] = i, i
				sum += x.get(left) * y.get(right)
			}
			return sum
		})
	case "Conv":
		return n.convolve(x, args[1])
	case "GatherND":
		depth := args[1].dims[len(args[1].dims)-1]
		outer := args[1].dims[:len(args[1].dims)-1]
		return build(slices.Concat(outer, x.dims[depth:]), func(at []int) float64 {
			var from []int
			for i := range depth {
				from = append(from, int(args[1].get(append(slices.Clone(at[:len(outer)]), i))))
			}
			return x.get(append(from, at[len(outer):]...))
		})
	}
	t.Fatalf("operator %s is not known here", n.op)
	return array{}
}

func slice(x array, starts, ends, axes, steps []int) array {
	dims, first, stride := slices.Clone(x.dims), make([]int, len(x.dims)), slices.Repeat([]int{1}, len(x.dims))
	for i, axis := range axes {
		n := x.dims[axis]
		place := func(at, low, high int) int {
			if at < 0 {
				at += n
			}
			return max(low, min(at, high))
		}
		stride[axis] = steps[i]
		if steps[i] > 0 {
			first[axis] = place(starts[i], 0, n)
			dims[axis] = (place(ends[i], 0, n) - first[axis] + steps[i] - 1) / steps[i]
		} else {
			first[axis] = place(starts[i], 0, n-1)
			dims[axis] = (place(ends[i], -1, n-1) - first[axis] + steps[i] + 1) / steps[i]
		}
	}
	return build(dims, func(at []int) float64 {
		from := make([]int, len(at))
		for axis := range at {
			from[axis] = first[axis] + at[axis]*stride[axis]
		}
		return x.get(from)
	})
}

func reduce(x array, axes []int, start float64, f func(a, b float64) float64) array {
	var dims, kept []int
	for axis, dim := range x.dims {
		if !slices.Contains(axes, axis) {
			dims, kept = append(dims, dim), append(kept, axis)
		}
	}
	out := array{dims: dims, values: slices.Repeat([]float64{start}, size(dims))}
	each(x.dims, func(at []int) {
		flat := 0
		for i, axis := range kept {
			flat = flat*dims[i] + at[axis]
		}
		out.values[flat] = f(out.values[flat], x.get(at))
	})
	return out
}

// convolve is the two-dimensional Conv. x: [n, channels, height, width]; k: [out, channels/group, kh, kw].
func (n operator) convolve(x, k array) array {
	strides, pads, dilations, group := n.numbers["strides"], n.numbers["pads"], n.numbers["dilations"], n.numbers["group"][0]
	dims := []int{x.dims[0], k.dims[0], 0, 0}
	for i := range 2 {
		dims[2+i] = (x.dims[2+i]+pads[i]+pads[2+i]-dilations[i]*(k.dims[2+i]-1)-1)/strides[i] + 1
	}
	return build(dims, func(at []int) float64 {
		var sum float64
		each(k.dims[1:], func(tap []int) {
			channel := at[1]/(k.dims[0]/group)*k.dims[1] + tap[0]
			row, column := at[2]*strides[0]-pads[0]+tap[1]*dilations[0], at[3]*strides[1]-pads[1]+tap[2]*dilations[1]
			if row >= 0 && row < x.dims[2] && column >= 0 && column < x.dims[3] {
				sum += x.get([]int{at[0], channel, row, column}) * k.get([]int{at[1], tap[0], tap[1], tap[2]})
			}
		})
		return sum
	})
}
